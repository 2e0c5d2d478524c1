"""Commands on the checkout: linters, contracts, a pull request's change and its model, and the template's upgrade."""

from pathlib import Path
from typing import Annotated

import typer

from sagemaker_gitops.cli.running import connect, place, settings

app = typer.Typer()


@app.command()
def lint(
    only: Annotated[list[str] | None, typer.Option(help="One linter alone; may be repeated.")] = None,
) -> None:
    """Run every pinned linter; one finding fails."""
    from sagemaker_gitops.stages import lint as stage

    place().succeeded(stage.run(Path.cwd(), stage.Options(progress=place().progress, only=tuple(only or ()))))


@app.command()
def schema(
    base: Annotated[str, typer.Option(help="Commit whose callers must not break, such as origin/main.")] = "",
    *,
    write: Annotated[bool, typer.Option("--write", help="First make openapi.yml from schema.json.")] = False,
) -> None:
    """Check configuration, data and API description, and that no caller breaks."""
    from sagemaker_gitops.stages import schema as stage

    place().succeeded(stage.run(Path.cwd(), stage.Options(base=base or None, write=write)))


@app.command()
def upgrade(
    to: Annotated[str | None, typer.Option("--to", help="A version of the template; the newest if not given.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change.")] = False,
    template: Annotated[str | None, typer.Option(help="Where the template is; as recorded if not given.")] = None,
    check: Annotated[bool, typer.Option(help="Run `make check` after a merge without conflicts.")] = True,
) -> None:
    """Take what changed in the template, keep what changed here, show conflicts as git does, and check the sum."""
    from sagemaker_gitops.stages import upgrade as stage

    options = stage.Options(to=to, source=template, dry_run=dry_run, check=check, progress=place().progress)
    place().succeeded(stage.run(Path.cwd(), options))


@app.command()
def plan(base: Annotated[str, typer.Option(help="Commit to compare with, such as origin/main.")]) -> None:
    """Say which checks a change can affect."""
    from sagemaker_gitops.stages import plan as stage

    place().succeeded(stage.run(Path.cwd(), stage.Options(base=base)))


@app.command()
def champion(
    folder: Annotated[Path, typer.Option(help="Where to put it.")] = Path("reports/champion"),
) -> None:
    """Fetch the registry's newest approved version, for `rehearse` to compare with."""
    from sagemaker_gitops.stages import champion as stage

    # Every environment's settings name the same registry.
    place().succeeded(stage.run(connect(settings("dev")), stage.Options(folder=folder)))


@app.command()
def rehearse(
    base: Annotated[str, typer.Option(help="Commit whose model to compare with, such as origin/main.")] = "",
    *,
    champion: Annotated[
        Path | None, typer.Option("--champion", help="A folder that `champion` filled: compare with what is in it.")
    ] = None,
) -> None:
    """Train here on the sample data and check the model against every threshold, without credentials."""
    from sagemaker_gitops.stages import rehearse as stage

    options = stage.Options(base=base or None, progress=place().progress, champion=champion)
    place().succeeded(stage.run(Path.cwd(), options))
