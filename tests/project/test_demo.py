"""`make demo` runs the whole loop from a fresh clone, twice, and cleans up after itself."""

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.bake import ROOT, TEMPLATE, tracked
from tests.commands import SILENT_SECONDS, make, running_in, started

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Demo:
    """One run of the demo: its project, its result, and which processes it left."""

    project: Path
    run: "subprocess.CompletedProcess[str]"
    left: list[str]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the tracked files to an empty folder, as a fresh clone has them."""
    clone = tmp_path_factory.mktemp("clone") / "template"
    for name in tracked(ROOT):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_bytes((ROOT / name).read_bytes())
    return clone


def promised(readme: Path) -> str:
    """Return what a README says the demo ends with."""
    return readme.read_text(encoding="utf-8").split("```\nWhat happened\n")[1].split("\n```")[0]


def pattern(line: str) -> re.Pattern[str]:
    """Turn a promised line into a pattern: figures, hashes and what an ellipsis stands for may differ."""
    # A slower machine has wider figures, so the table cuts its lines a word or two earlier.
    line = re.sub(r"(\s*\S+){0,2}\s*…$", "…", line)
    parts = re.split(r"(\b[0-9a-f]{12}\b|v\d-[0-9a-f]{8}|\d+(?:\.\d+)?|…| +)", line)
    loose = {"…": ".*", " ": r"\s+"}
    return re.compile(
        "".join(loose.get(part[:1], r"[\w.-]+") if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
    )


def test_readmes_promise_the_same() -> None:
    """The template's and a project's README show one and the same end of a demo."""
    assert promised(ROOT / "README.md") == promised(ROOT / TEMPLATE / "README.md")


@pytest.fixture(scope="module")
def first(clone: Path) -> Demo:
    """Run the demo once, from a fresh clone to its end."""
    run = make("demo", folder=clone)
    project = clone / "build/demo-project"
    return Demo(project=project, run=run, left=running_in(project))


def test_demo_ends_as_the_readme_promises(first: Demo) -> None:
    """The first run trains, prints what the README shows, writes a report, and leaves nothing running."""
    assert first.run.returncode == 0, first.run.stdout[-8000:]
    assert first.left == []
    assert "cache hit" not in first.run.stdout
    printed = first.run.stdout.splitlines()
    for line in promised(ROOT / "README.md").splitlines():
        assert [one for one in printed if pattern(line).search(one)], line
    assert report(first).stat().st_size > 10_000


def test_second_demo_trains_nothing(first: Demo, clone: Path) -> None:
    """A second run finds both models in the cache, starts from the first run's releases, and leaves nothing running."""
    second = Demo(project=first.project, run=make("demo", folder=clone), left=running_in(first.project))

    assert second.run.returncode == 0, second.run.stdout[-8000:]
    assert second.left == []
    assert second.run.stdout.count("cache hit") >= 2
    assert report(second).stat().st_size > 10_000


def test_interrupted_demo_leaves_nothing_running(first: Demo, clone: Path) -> None:
    """Ctrl-C in the middle of the loop ends it, servers included, in a few times as long as it took to get there."""
    began = time.monotonic()
    with started("make", "demo", folder=clone) as command:
        # The local AWS works in the project: more than make and the demo itself. An end of the output is a failure.
        while len(running_in(first.project)) < 4 and command.read(0.2):
            assert time.monotonic() - began < SILENT_SECONDS, command.output
        assert command.process.poll() is None, command.output
        reached = time.monotonic() - began

        # A terminal sends Ctrl-C to the whole group, make included. (Not through procps' kill:
        # it reads a negative number after a signal's name as -1, which is every process there is.)
        os.killpg(command.process.pid, signal.SIGINT)

        assert command.process.wait(timeout=max(30.0, 10 * reached)) != 0
    assert running_in(first.project) == []


def report(demo: Demo) -> Path:
    """Return the last page that a demo names."""
    name: str = re.findall(r"\S+\.html", demo.run.stdout)[-1]
    return demo.project / name
