"""pre-commit: what stops a commit is what stops a pull request, by the same list."""

import subprocess
import sys
from pathlib import Path


def test_hook_stops_a_commit(checkout: Path) -> None:
    """pre-commit really runs the hook, and its failure names the file and the line."""
    (checkout / ".venv").symlink_to(sys.prefix)
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "Base"]):
        subprocess.run(["git", *words], cwd=checkout, check=True)
    (checkout / "model/train/bad.sh").write_text("#!/bin/sh\necho $1\n")
    subprocess.run(["git", "add", "."], cwd=checkout, check=True)

    done = subprocess.run(
        [Path(sys.prefix) / "bin/pre-commit", "run"], cwd=checkout, capture_output=True, text=True, check=False
    )

    hooks = {line.split(".")[0]: line for line in done.stdout.splitlines() if "...." in line}
    assert done.returncode == 1
    assert hooks["shellcheck"].endswith("Failed")
    assert "model/train/bad.sh:2:" in done.stdout
