"""What bakes look like, kept under tests/snapshot, so that a pull request shows its effect on projects.

`python tests/snapshot.py` writes it anew. For each named set of answers it holds the files that are rendered; what is
copied is the same in every project, and its difference is that of its source, so tree.txt only lists it.
"""

import json
import shutil
import tempfile
from pathlib import Path

from bake import ROOT, TEMPLATE, bake, export, tracked

KEPT = Path(__file__).parent / "snapshot"
ANSWERS = Path(__file__).parent / "answers"
RENDERED = (".cruft.json", ".github/CODEOWNERS", "README.md", "docs/setup.md", "infra/config/project.json")


def tree() -> str:
    """List every file of a project, a script marked by an asterisk, as `ls -F` does."""
    names = tracked(ROOT, TEMPLATE)
    marked = [f"{name}{'*' if (ROOT / name).stat().st_mode & 0o100 else ''}" for name in names]
    return "".join(f"{name.removeprefix(f'{TEMPLATE}/')}\n" for name in marked)


def rendered(project: Path, template: Path) -> dict[str, str]:
    """Read a project's rendered files; where the template lay is not part of what it is."""
    texts = {name: (project / name).read_text(encoding="utf-8") for name in RENDERED}
    return {name: text.replace(str(template), "gh:OWNER/sagemaker-gitops") for name, text in texts.items()}


def write(folder: Path, template: Path, scratch: Path) -> None:
    """Write the snapshot of a template."""
    folder.mkdir(parents=True)
    (folder / "tree.txt").write_text(tree(), encoding="utf-8")
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
