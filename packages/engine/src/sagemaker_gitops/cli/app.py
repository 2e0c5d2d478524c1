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

from sagemaker_gitops.cli import building, checks, data, foundation, modelling, overview, releases, repository, runner
from sagemaker_gitops.cli.running import place, run_in
from sagemaker_gitops.cli.sections import Sections
from sagemaker_gitops.errors import ConfigurationError, PipelineError
from sagemaker_gitops.stages.result import StageResult

app = typer.Typer(
    name="pipeline",
    cls=Sections,
    no_args_is_help=True,
    epilog="COMMAND --help tells more. docs/tutorial.md goes through them, docs/operate.md is for when one stops.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for commands in (building, checks, foundation, overview, releases, repository):
    app.add_typer(commands.app)
app.add_typer(data.app, name="data")
app.add_typer(data.features, name="features")
app.add_typer(modelling.app, name="model")
app.add_typer(foundation.bootstrap, name="bootstrap")

# The shell's completion asks for words by this variable; the template's docs/reference.md says how to switch it on.
COMPLETE = "_PIPELINE_COMPLETE"
# What `local up` and `local env` print for a shell is what another program gets as outputs.
_EXPORT = re.compile(r"^export (\w+)=(.*)$", re.MULTILINE)
INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if COMPLETE in os.environ:
        app(prog_name="pipeline", complete_var=COMPLETE)
    words = list(sys.argv[1:] if argv is None else argv)
    here = runner.Json() if "--json" in words else runner.detect()
    run_in(here)
    try:
        return _run(words, by_itself=not isinstance(here, runner.Json | runner.GitHub))
    except (PipelineError, typer.TyperException) as error:
        told = error if isinstance(error, PipelineError) else _misused(error)
        here.failed(told)
        return told.exit_code
    except typer.Abort:
        return _interrupted(here)
    except SystemExit as end:  # typer's way to end, after it has told what was wrong with the words
        code = end.code if isinstance(end.code, int) else 0
        return _interrupted(here) if code == INTERRUPTED else code


def _run(words: list[str], *, by_itself: bool) -> int:
    try:
        # The word counts wherever it stands; typer alone would take it before the command only.
        # Another program and GitHub want wrong words told as any error; a person gets typer's own text, by itself.
        code = app(args=[word for word in words if word != "--json"], standalone_mode=by_itself)
    except (PipelineError, typer.TyperException, typer.Abort):
        raise
    except Exception:
        # Only now, because AWS's client takes longer to import than all of the above.
        from sagemaker_gitops.aws.session import aws_errors

        with aws_errors():
            raise
    return code if isinstance(code, int) else 0


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


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def local(context: typer.Context) -> None:
    """Start, stop and drive the embedded AWS; `local --help` tells more."""
    # The only way into the emulator: on AWS this module is never imported.
    from sagemaker_gitops.local.server.cli import main as local_main

    if not isinstance(place(), runner.Json):
        raise typer.Exit(local_main(context.args, Path.cwd()))
    with redirect_stdout(StringIO()) as lines:
        try:
            code = local_main(context.args, Path.cwd())
        except SystemExit as end:  # argparse has told people on stderr what is wrong
            raise ConfigurationError(f"local {' '.join(context.args)}", next_step="local --help") from end
    place().succeeded(StageResult(summary=lines.getvalue(), outputs=dict(_EXPORT.findall(lines.getvalue()))))
    raise typer.Exit(code)
