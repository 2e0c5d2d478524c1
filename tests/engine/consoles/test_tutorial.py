"""The consoles of the documents, typed as printed into a shell of a fresh project."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engine.conftest import PROJECT, copy_project
from tests.engine.documents import Step, documents, promised, steps
from tests.engine.stages.conftest import surroundings

pytestmark = pytest.mark.acceptance
CONSOLES = [path for path in documents() if steps(path.read_text())]
_NEXT = "#####"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make the project that the documents speak of."""
    root = copy_project(tmp_path / "mortgage-decisions")
    (root / "infra/config/project.json").write_text(json.dumps(PROJECT | {"project": "mortgage-decisions"}))
    return root


@pytest.mark.parametrize("path", CONSOLES, ids=lambda path: "/".join(path.parts[-2:]))
def test_console_prints_what_the_document_promises(path: Path, project: Path) -> None:
    """Each command is run in its turn; what it prints is what stands below it."""
    told = steps(path.read_text())

    try:
        printed = _type(told, project)
    finally:
        subprocess.run(  # a document may leave its AWS running
            [sys.executable, "-m", "sagemaker_gitops", "local", "down"], cwd=project, env=surroundings(), check=False
        )

    for step, (code, output) in zip(told, printed, strict=True):
        assert promised(step.output).fullmatch(output), f"$ {step.command}\n{output}\ninstead of\n{step.output}"
        assert (code == 0) != step.output.startswith("error:"), step.command


def _type(told: list[Step], project: Path) -> list[tuple[int, str]]:
    """Type every command into one shell; return the exit code and the output of each."""
    script = "\n".join(f"{step.command}\nprintf '%s %s\\n' '{_NEXT}' $?" for step in told)
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"],
        cwd=project,
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    parts = re.split(rf"^{_NEXT} (\d+)\n", done.stdout, flags=re.MULTILINE)
    return [(int(code), output) for output, code in zip(parts[0::2], parts[1::2], strict=False)]
