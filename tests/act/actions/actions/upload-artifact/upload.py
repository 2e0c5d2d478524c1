"""Keep one file or folder under its artifact's name."""

import os
import re
import shutil
import sys
from pathlib import Path


def files(source: Path) -> list[Path]:
    """List the files that GitHub would take: hidden ones stay behind."""
    if source.is_file():
        return [source]
    found = [path for path in source.rglob("*") if path.is_file()]
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(source).parts)]


def main() -> None:
    """Copy, or say why not in GitHub's words."""
    name, source = os.environ["ARTIFACT"], Path(os.environ["GITHUB_WORKSPACE"], os.environ["SOURCE"])
    target = Path(os.environ["ACT_ARTIFACTS"], name)
    if re.search(r'[":<>|*?\r\n\\/]', name):
        sys.exit(f"::error::The artifact name is not valid: {name}")
    if target.exists() and os.environ["OVERWRITE"] == "true":
        shutil.rmtree(target)
    if target.exists():
        sys.exit(f"::error::(409) Conflict: an artifact with this name already exists on the workflow run: {name}")
    found = files(source) if source.exists() else []
    if not found:
        print(f"::{'error' if os.environ['MISSING'] == 'error' else 'warning'}::No files were found: {source}")
        sys.exit(os.environ["MISSING"] == "error")
    for path in found:
        copy = target / path.relative_to(source if source.is_dir() else source.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


main()
