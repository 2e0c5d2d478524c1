"""The project that the tests look into: baked from this checkout with the default answers, before the first test."""

import shutil
import tempfile
from pathlib import Path

from tests.bake import ROOT as REPOSITORY
from tests.bake import bake, export

ROOT = REPOSITORY / "build" / "sample" / "mortgage-decisions"
# What tools leave in a checkout; none of it is the template's.
_LEFT = frozenset({".cache", ".git", ".local", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", "node_modules"})


def refresh() -> None:
    """Bring the sample up to date; files that did not change keep their time, so that nothing is hashed again."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        made = bake(export(REPOSITORY, scratch / "template"), scratch / ROOT.name, {}, scratch)
        wanted = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
        for name in wanted:
            _copy(made / name, ROOT / name)
    for path in [path for path in ROOT.rglob("*") if path.is_file()]:
        name = path.relative_to(ROOT)
        if name not in wanted and not _LEFT & set(name.parts):
            path.unlink()


def _copy(source: Path, target: Path) -> None:
    if not target.is_file() or target.read_bytes() != source.read_bytes():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
