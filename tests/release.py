"""Prepare a release of the template: `python -m tests.release v0.1.0 build/release` writes archive, wheels and notes.

It prints the archive's name and digest as a workflow step's outputs. A tag is refused unless its commit lies on main,
where every change was reviewed, cookiecutter.json bakes that version into projects, and CHANGELOG.md dates it.
"""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "hooks"))

import pre_prompt  # noqa: E402 - a hook lies in no package

NAME = "sagemaker-gitops"
HEADING = re.compile(r"^## (?P<version>v\S+) \((?P<date>[^)]*)\)$", re.MULTILINE)


class Refused(Exception):
    """The checkout is no release of the tag; the message says what to change where."""


def notes(changelog: str, tag: str) -> str:
    """Return what the changelog tells about a version, without its heading."""
    if not re.fullmatch(r"v\d+\.\d+\.\d+", tag):
        raise Refused(f"{tag} is no version: tags are vMAJOR.MINOR.PATCH")
    found = {match["version"]: match for match in HEADING.finditer(changelog)}
    if tag not in found:
        raise Refused(f"CHANGELOG.md has no heading `## {tag} (YYYY-MM-DD)`; it has {', '.join(found) or 'none'}")
    heading = found[tag]
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", heading["date"]):
        raise Refused(f"CHANGELOG.md says {heading['date']!r} beside {tag}: write the day of the release, YYYY-MM-DD")
    text = changelog[heading.end() :].split("\n## ", maxsplit=1)[0].strip()
    if "### Upgrade\n\n" not in f"{text}\n\n":
        raise Refused(f"CHANGELOG.md tells nobody how to upgrade to {tag}: add a part `### Upgrade`")
    return text + "\n"


def check_version(questions: str, tag: str) -> None:
    """Refuse a tag that projects would not record."""
    version = json.loads(questions)["__version"]
    if version != tag:
        raise Refused(f"cookiecutter.json bakes {version} into projects, the tag is {tag}: change __version")


def check_reviewed(root: Path) -> None:
    """Refuse a commit that main does not hold: anybody who may push a tag could release it."""
    words = ["git", "merge-base", "--is-ancestor", "HEAD", "refs/remotes/origin/main"]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"the tag's commit does not lie on main: merge it first, then tag main\n{done.stderr}".strip())


def archive(root: Path, tag: str, folder: Path) -> Path:
    """Pack the commit that is checked out, as git has it; the same commit gives the same bytes."""
    target = folder / f"{NAME}-{tag}.tar.gz"
    words = ["archive", "--format=tar.gz", f"--prefix={NAME}-{tag}/", f"--output={target}", "HEAD"]
    subprocess.run(["git", *words], cwd=root, check=True)
    return target


def prepare(root: Path, tag: str, folder: Path) -> Path:
    """Check a tag, and write notes.md and the archive; return the archive."""
    text = notes((root / "CHANGELOG.md").read_text(encoding="utf-8"), tag)
    check_version((root / "cookiecutter.json").read_text(encoding="utf-8"), tag)
    check_reviewed(root)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "notes.md").write_text(text, encoding="utf-8")
    return archive(root, tag, folder.resolve())


def outputs(prefix: str, file: Path) -> str:
    """Name a file and its digest as a step's outputs."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f"{prefix}name={file.name}\n{prefix}digest=sha256:{digest}\n"


def main(arguments: Sequence[str]) -> None:
    """Prepare the release that is named, or say why not."""
    try:
        packed = prepare(ROOT, arguments[0], Path(arguments[1]))
        sys.stdout.write(outputs("", packed))
        for package in pre_prompt.PACKAGES:
            pinned = pre_prompt.pack(ROOT / "packages" / package, packed.parent)
            sys.stdout.write(outputs(f"{package}_", pinned))
    except Refused as refused:
        sys.exit(f"error: {refused}")


if __name__ == "__main__":
    main(sys.argv[1:])
