"""The command line: `pipeline <stage> --env ENV`, the same line on a laptop and in a workflow."""

import os
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.aws.session import aws_errors
from sagemaker_gitops.cli import (
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
    runner,
    scaling,
    verification,
    watch,
)
from sagemaker_gitops.cli.running import place, run, run_in
from sagemaker_gitops.cli.sections import Sections
from sagemaker_gitops.errors import ConfigurationError, PipelineError
from sagemaker_gitops.project.config import Environment
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages import approve as approve_stage
from sagemaker_gitops.stages.result import StageResult

app = typer.Typer(
    name="pipeline",
    cls=Sections,
    no_args_is_help=True,
    epilog="COMMAND --help tells more. docs/tutorial.md goes through them, docs/operate.md is for when one stops.",
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

# The shell's completion asks for words by this variable; the template's docs/reference.md says how to switch it on.
COMPLETE = "_PIPELINE_COMPLETE"
# What `local up` and `local env` print for a shell is what another program gets as outputs.
_EXPORT = re.compile(r"^export (\w+)=(.*)$", re.MULTILINE)
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
            # Another program wants wrong words told as JSON, too; a person gets typer's own text.
            code = app(args=[word for word in words if word != "--json"], standalone_mode="--json" not in words)
            return code if isinstance(code, int) else 0
    except (PipelineError, typer.TyperException) as error:
        told = error if isinstance(error, PipelineError) else _misused(error)
        here.failed(told)
        return told.exit_code
    except typer.Abort:
        return _interrupted(here)
    except SystemExit as end:  # typer's way to end, after it has told what was wrong with the words
        code = end.code if isinstance(end.code, int) else 0
        return _interrupted(here) if code == INTERRUPTED else code
    return 0


def _interrupted(here: runner.Runner) -> int:
    here.progress("interrupted; the same command continues where it stopped")
    return INTERRUPTED


def _misused(error: typer.TyperException) -> ConfigurationError:
    return ConfigurationError(error.format_message(), next_step="the command with --help says what it takes")


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
    from sagemaker_gitops.local.server.cli import main as local_main  # noqa: PLC0415

    if not isinstance(place(), runner.Json):
        raise typer.Exit(local_main(context.args, Path.cwd()))
    with redirect_stdout(StringIO()) as lines:
        try:
            code = local_main(context.args, Path.cwd())
        except SystemExit as end:  # argparse has told people on stderr what is wrong
            raise ConfigurationError(f"local {' '.join(context.args)}", next_step="local --help") from end
    place().succeeded(StageResult(summary=lines.getvalue(), outputs=dict(_EXPORT.findall(lines.getvalue()))))
    raise typer.Exit(code)
