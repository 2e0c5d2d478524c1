"""`make demo` runs the whole loop from a fresh clone, twice, and cleans up after itself."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.bake import ROOT, TEMPLATE, tracked
from tests.commands import make, newcomer, running_in

pytestmark = pytest.mark.slow


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


def test_demo_twice_trains_once(clone: Path) -> None:
    """The first run ends with a report; the second says that nothing needed training; none stays."""
    project = clone / "build/demo-project"

    first = make("demo", folder=clone, seconds=600)
    left_by_first = running_in(project)
    second = make("demo", folder=clone, seconds=300)

    assert first.returncode == 0, first.stdout[-8000:]
    assert second.returncode == 0, second.stdout[-8000:]
    assert left_by_first == running_in(project) == []
    assert "cache hit" not in first.stdout
    said = first.stdout.splitlines()
    for line in promised(ROOT / "README.md").splitlines():
        assert [told for told in said if pattern(line).search(told)], line
    assert "cache hit" in second.stdout
    reports = re.findall(r"\S+\.html", second.stdout)
    assert reports
    assert (project / reports[-1]).stat().st_size > 10_000


def test_interrupted_demo_leaves_nothing_running(clone: Path) -> None:
    """Ctrl-C in the middle of the loop ends it within half a minute, servers included."""
    project = clone / "build/interrupted"
    with subprocess.Popen(
        ["make", "demo", "DEST=build/interrupted"],
        cwd=clone,
        env=newcomer(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as demo:
        wait_for_servers(project, seconds=300)

        # A terminal sends Ctrl-C to the whole group, make included. (Not through procps' kill:
        # it reads a negative number after a signal's name as -1, which is every process there is.)
        os.killpg(demo.pid, signal.SIGINT)

        assert demo.wait(timeout=30) != 0
    assert running_in(project) == []


def wait_for_servers(project: Path, *, seconds: float) -> None:
    """Return when the local AWS works in the project: more than make and the demo itself."""
    deadline = time.monotonic() + seconds
    while len(running_in(project)) < 4:
        assert time.monotonic() < deadline, running_in(project)
        time.sleep(0.2)
