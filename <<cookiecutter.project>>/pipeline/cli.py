"""The command line: `python -m pipeline <stage> --env ENV`, the same line on a laptop and in a workflow."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pipeline import runner
from pipeline.aws.services import Aws
from pipeline.aws.session import aws_errors
from pipeline.commands import (
    building,
    checks,
    data,
    features,
    foundation,
    overview,
    pull_requests,
    releases,
    repository,
    retraining,
    scaling,
    verification,
    watch,
)
from pipeline.commands.running import run, run_in
from pipeline.config import Environment
from pipeline.errors import PipelineError
from pipeline.result import StageResult
from pipeline.settings import Settings
from pipeline.stages import approve as approve_stage

app = typer.Typer(
    name="python -m pipeline",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(building.app)
app.add_typer(checks.app)
app.add_typer(repository.app)
app.add_typer(retraining.app)
app.add_typer(scaling.app)
app.add_typer(overview.app)
app.add_typer(pull_requests.app)
app.add_typer(releases.app)
app.add_typer(verification.app)
app.add_typer(watch.app)
app.add_typer(data.app, name="data")
app.add_typer(features.app, name="features")
app.add_typer(foundation.app, name="bootstrap")
app.add_typer(foundation.plain)

# The shell's completion asks for words by this variable; docs/reference.md says how to switch it on.
COMPLETE = "_PIPELINE_COMPLETE"
INTERRUPTED = 130  # 128 + SIGINT, as shells count

Env = Annotated[Environment, typer.Option("--env", help="The environment whose settings and account are used.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the audit trail.")]
Version = Annotated[int, typer.Option("--version", min=1, help="A version of the model registry.")]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if COMPLETE in os.environ:
        app(prog_name="pipeline", complete_var=COMPLETE)
    words = list(sys.argv[1:] if argv is None else argv)
    here = runner.Json() if "--json" in words else runner.detect()
    run_in(here)
    try:
        with aws_errors():
            # The word counts wherever it stands; typer alone would take it before the command only.
            app(args=[word for word in words if word != "--json"])
    except PipelineError as error:
        here.failed(error)
        return error.exit_code
    except SystemExit as end:  # typer's way to end, after it has told what was wrong with the words
        if end.code == INTERRUPTED:
            here.progress("interrupted; the same command continues where it stopped")
        return end.code if isinstance(end.code, int) else 0
    return 0


@app.callback()
def common(
    _json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Train, gate, release, watch and roll back one model. A commit determines the model."""


@app.command()
def approve(
    env: Env,
    version: Version,
    reason: Reason,
    approver: Annotated[str | None, typer.Option(help="Who decides; the AWS identity if not given.")] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Refuse it, or revoke an earlier approval.")] = False,
) -> None:
    """Let a registered version into production, or refuse it."""

    def act(settings: Settings, aws: Aws) -> StageResult:
        who = approver or os.environ.get("GITHUB_ACTOR") or aws.caller()
        options = approve_stage.Options(version=version, approver=who, reason=reason, reject=reject)
        return approve_stage.run(settings, aws, options)

    run(env, act)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def local(context: typer.Context) -> None:
    """Start, stop and drive the embedded AWS; `local --help` tells more."""
    # The only way into the emulator: on AWS this module is never imported.
    from pipeline.local.cli import main as local_main  # noqa: PLC0415

    raise typer.Exit(local_main(context.args, Path.cwd()))
