"""What bakes look like, kept under tests/snapshot, so that a pull request shows its effect on projects.

`python tests/snapshot.py` writes it anew. For each named set of answers it holds the files that are rendered. All else
is copied byte for byte, which test_bake.py proves: its diff in a project is that of its source, and is not kept twice.
"""

import json
import shutil
import tempfile
from pathlib import Path

from tests.bake import ROOT, bake, export

KEPT = Path(__file__).parent / "snapshot"
ANSWERS = Path(__file__).parent / "answers"
RENDERED = (".cruft.json", ".github/CODEOWNERS", "README.md", "docs/setup.md", "infra/config/project.json")


def rendered(project: Path, template: Path) -> dict[str, str]:
    """Read a project's rendered files; where the template lay is not part of what it is."""
    texts = {name: (project / name).read_text(encoding="utf-8") for name in RENDERED}
    return {name: text.replace(str(template), "gh:OWNER/sagemaker-gitops") for name, text in texts.items()}


def write(folder: Path, template: Path, scratch: Path) -> None:
    """Write the snapshot of a template."""
    for path in sorted(ANSWERS.glob("*.json")):
        answers = json.loads(path.read_text(encoding="utf-8"))
        project = bake(template, scratch / path.stem / answers["project"], answers, scratch)
        for name, text in rendered(project, template).items():
            target = folder / path.stem / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")


def main() -> None:
    """Write the checkout's snapshot anew."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        template = export(ROOT, scratch / "template")
        write(scratch / "snapshot", template, scratch)
        shutil.rmtree(KEPT, ignore_errors=True)
        shutil.copytree(scratch / "snapshot", KEPT)


if __name__ == "__main__":
    main()
