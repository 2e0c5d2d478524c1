"""Commands on the model's own files."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sagemaker_gitops.cli.running import place
from sagemaker_gitops.cli.sections import Group

app = typer.Typer(cls=Group, help="Begin a model from a CSV file: init.")

Task = Literal["binary", "multiclass", "regression"]


@app.callback()
def model() -> None:
    """Begin a model from a CSV file: init."""


@app.command()
def init(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    data: Annotated[Path, typer.Argument(help="The CSV file, in UTF-8 with a header.")],
    target: Annotated[str, typer.Option(help="The column to predict.")],
    task: Annotated[
        Literal["binary", "multiclass", "regression"] | None,
        typer.Option(help="What to predict; guessed if not given."),
    ] = None,
    positive: Annotated[str | None, typer.Option(help="The target's value whose probability is answered.")] = None,
    row_id: Annotated[str | None, typer.Option("--id", help="The column that tells the rows apart.")] = None,
    protected: Annotated[str | None, typer.Option(help="The column whose groups are compared for fairness.")] = None,
    favourable: Annotated[str | None, typer.Option(help="The target's value that a person hopes for.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write the files; without it they are only shown.")] = False,
) -> None:
    """Propose schema, thresholds, API and card of a model from its data and a first fit."""
    from sagemaker_gitops.project.schema_proposal import Asked
    from sagemaker_gitops.stages import model_init as stage

    asked = Asked(target=target, task=task, positive=positive, id=row_id, protected=protected, favourable=favourable)
    options = stage.Options(source=data, asked=asked, write=yes, progress=place().progress)
    place().succeeded(stage.run(Path.cwd(), options))
