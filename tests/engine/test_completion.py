"""The shell's Tab key: words and values of the command line, as docs/reference.md switches them on."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.bake import ROOT as REPOSITORY
from tests.sample import ROOT

BLOCK = re.compile(r"```bash\n(eval .*?)```", re.DOTALL)


@pytest.mark.parametrize(("typed", "offered"), [("dep", "deploy"), ("deploy --env st", "staging")])
def test_tab_completes_words_and_values(typed: str, offered: str, tmp_path: Path) -> None:
    """What the document says to put into the shell's start file completes commands and choices."""
    block = BLOCK.search((REPOSITORY / "docs/reference.md").read_text())
    assert block
    words = ["pipeline", *typed.split()]
    (tmp_path / "pipeline").write_text(f'#!/bin/sh\nexec {sys.executable} -m sagemaker_gitops "$@"\n')
    (tmp_path / "pipeline").chmod(0o755)

    script = f"""
{block.group(1)}
COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
_pipeline_completion pipeline; echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == [offered], done.stderr
