"""Commands that make, check and remove what the pipeline needs on AWS."""

from typing import Annotated

import typer

from pipeline.commands.running import place, run
from pipeline.config import Environment
from pipeline.stages import bootstrap as bootstrap_stage

app = typer.Typer(no_args_is_help=True, help="Make what the pipeline needs; safe to repeat.")

Env = Annotated[Environment, typer.Option("--env", help="The environment whose settings and account are used.")]
Yes = Annotated[bool, typer.Option("--yes", help="Carry the plan out without asking.")]


@app.command("aws")
def bootstrap_aws(env: Env, yes: Yes = False) -> None:
    """Plan the stacks of infra/lib, show what would change, and make it so."""

    def agreed(plan: str) -> bool:
        place().progress(f"the plan:\n{plan}")
        return yes or typer.confirm("Carry it out?")

    options = bootstrap_stage.Options(progress=place().progress, agreed=agreed)
    run(env, lambda settings, aws: bootstrap_stage.run(settings, aws, options))
