"""Commands on the checkout alone: they need neither AWS nor an environment."""

from pathlib import Path
from typing import Annotated

import typer

from sagemaker_gitops.cli.running import place
from sagemaker_gitops.stages import lint as lint_stage
from sagemaker_gitops.stages import schema as schema_stage
from sagemaker_gitops.stages import upgrade as upgrade_stage

app = typer.Typer()


@app.command()
def lint(
    only: Annotated[list[str] | None, typer.Option(help="One linter alone; may be repeated.")] = None,
) -> None:
    """Run every pinned linter; one finding fails."""
    place().succeeded(lint_stage.run(Path.cwd(), lint_stage.Options(progress=place().progress, only=tuple(only or ()))))


@app.command()
def schema(
    base: Annotated[str, typer.Option(help="Commit whose callers must not break, such as origin/main.")] = "",
) -> None:
    """Check configuration, data and API description, and that no caller breaks."""
    place().succeeded(schema_stage.run(Path.cwd(), schema_stage.Options(base=base or None)))


@app.command()
def upgrade(
    to: Annotated[str | None, typer.Option("--to", help="A version of the template; the newest if not given.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change.")] = False,
    template: Annotated[str | None, typer.Option(help="Where the template is; as recorded if not given.")] = None,
    check: Annotated[bool, typer.Option(help="Run `make check` after a merge without conflicts.")] = True,
) -> None:
    """Take what changed in the template, keep what changed here, show conflicts as git does, and check the sum."""
    options = upgrade_stage.Options(to=to, source=template, dry_run=dry_run, check=check, progress=place().progress)
    place().succeeded(upgrade_stage.run(Path.cwd(), options))
