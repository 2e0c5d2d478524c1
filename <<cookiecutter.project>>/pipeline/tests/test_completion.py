"""The shell's Tab key: words and values of the command line, as docs/reference.md switches them on."""

import re
import subprocess
import sys

import pytest

from pipeline.tests.documents import ROOT

BLOCK = re.compile(r"```bash\n(pipeline\(\).*?)```", re.DOTALL)


@pytest.mark.parametrize(("typed", "offered"), [("dep", "deploy"), ("deploy --env st", "staging")])
def test_tab_completes_words_and_values(typed: str, offered: str) -> None:
    """What the document says to put into the shell's start file completes commands and choices."""
    block = BLOCK.search((ROOT / "docs/reference.md").read_text())
    assert block
    words = ["pipeline", *typed.split()]

    script = f"""
python() {{ {sys.executable} "$@"; }}
{block.group(1).replace("python -m", f"{sys.executable} -m")}
COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
_pipeline_completion pipeline; echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607

    assert done.stdout.split() == [offered], done.stderr
