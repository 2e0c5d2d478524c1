"""What a command waits for before it works: nothing that another command needs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from sagemaker_gitops.cli.app import app
from tests.sample import ROOT

# What takes a tenth of a second or more to import; pydantic does not count, because typer itself reads options by it.
HEAVY = frozenset({"boto3", "botocore", "cyclonedx", "github", "jinja2", "matplotlib", "moto", "numpy", "pandas"})
HEAVY |= {"pyarrow", "requests", "rich", "scipy", "urllib3", "werkzeug", "yaml"}

# It runs lines one after the other, and says after each how it ended and which packages are imported by now.
PROGRAM = """
import json, os, sys
from sagemaker_gitops.__main__ import main
told = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for line in json.loads(sys.argv[1]):
    sys.argv = ["pipeline", *line.split()]
    try:
        code = main()
    except SystemExit as end:
        code = end.code
    names = {name.partition(".")[0] for name in sys.modules}
    os.write(told, (json.dumps([line, code, sorted(names)]) + "\\n").encode())
"""


def imported(*lines: str, **environ: str) -> dict[str, tuple[int, frozenset[str]]]:
    """Run commands in one process of their own: how each ended, and which heavy packages were imported by then."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(lines)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environ},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answers = [json.loads(text) for text in done.stdout.splitlines()]
    return {line: (code, HEAVY & set(names)) for line, code, names in answers}


def commands(words: tuple[str, ...] = (), command: Any = None) -> Iterator[str]:
    """Name every command and group, as the command line knows them."""
    command = command or typer.main.get_command(app)
    yield " ".join(words)
    for name, child in getattr(command, "commands", {}).items():
        yield from commands((*words, name), child)


def test_help_imports_nothing_heavy() -> None:
    """No help waits for a library, whichever command it is about."""
    lines = [f"{words} --help".strip() for words in commands()]

    found = imported(*lines)

    assert len(lines) > 40
    assert found == dict.fromkeys(lines, (0, frozenset()))


@pytest.mark.parametrize("typed", ["pipeline dep", "pipeline deploy --env st"])
def test_completion_imports_nothing_heavy(typed: str) -> None:
    """The Tab key waits for no library."""
    environ = {"_PIPELINE_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}

    found = imported("", **environ)

    assert found == {"": (0, frozenset())}


def test_cheap_commands_import_nothing_heavy() -> None:
    """A command that needs neither AWS nor a document in YAML imports no library for them."""
    lines = ["local status", "plan --base HEAD"]

    found = imported(*lines)

    assert {line: heavy for line, (_, heavy) in found.items()} == {line: frozenset() for line in lines}


def test_commands_on_the_checkout_import_no_client() -> None:
    """What works on files alone waits for no client of AWS or GitHub."""
    lines = ["schema", "data diff"]

    found = imported(*lines)

    assert {line: heavy & {"boto3", "github", "pandas"} for line, (_, heavy) in found.items()} == {
        line: frozenset() for line in lines
    }


def test_commands_that_ask_aws_import_its_client_alone() -> None:
    """What asks AWS waits for AWS's client, and for no library for numbers, plots or GitHub before it has an answer."""
    lines = ["clean --env dev", "features define", "features ingest", "challenge --env dev"]

    found = imported(*lines, AWS_EC2_METADATA_DISABLED="true")

    assert found["clean --env dev"][0] == 3
    # A metric is held to schema.json's task first, whose findings name their line by YAML's parser: 12 ms.
    assert {line: heavy - {"boto3", "botocore", "urllib3", "yaml"} for line, (_, heavy) in found.items()} == {
        line: frozenset() for line in lines
    }
