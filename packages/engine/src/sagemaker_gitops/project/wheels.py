"""The packages' wheels in vendor/: whether they are the template's own, and which of them an upgrade replaces.

Wheels are compared by what they hold, because an index may hold the same modules packed by another tool.
"""

import hashlib
import shutil
import zipfile
from pathlib import Path

from sagemaker_gitops.errors import ConfigurationError

_FOLDER = Path("vendor")
# The file that pins a wheel, and the wheel.
_PACKAGES = {"engine.txt": "sagemaker_gitops-*.whl", "modelkit.txt": "sagemaker_gitops_modelkit-*.whl"}
_SHOWN = 3


def require_unedited(root: Path, baked: Path, *, version: str) -> None:
    """Refuse a project whose wheels or pins are not those that the template bakes at its version."""
    found = [
        line for pin, pattern in _PACKAGES.items() for line in _edits(root / _FOLDER, baked / _FOLDER, pin, pattern)
    ]
    if found:
        raise ConfigurationError(
            f"the packages in {_FOLDER}/ were edited, and an upgrade replaces them, so the edit would be lost:\n    "
            + "\n    ".join(found),
            where=f"compared with {version}, which {root.name} was made from",
            next_step="make the change in the template's packages/ and take that version, or take the edit back: "
            f"`git log --oneline -- {_FOLDER}` names its commit, `git checkout COMMIT~ -- {_FOLDER}` undoes it",
        )


def keep_own(root: Path, *bakes: Path) -> None:
    """Put the project's own wheel and pin into each bake that holds the same modules.

    A merge then replaces a package whole or not at all. A project that takes its packages from an index gets no wheel.
    """
    for pin, pattern in _PACKAGES.items():
        own = _wheel(root / _FOLDER, pattern)
        for folder in (baked / _FOLDER for baked in bakes):
            wheel = _wheel(folder, pattern)
            if wheel and own is None:
                wheel.unlink()
            elif wheel and own and not _differing(own, wheel):
                wheel.unlink()
                shutil.copy2(own, folder)
                shutil.copy2(root / _FOLDER / pin, folder)


def _edits(own: Path, baked: Path, pin: str, pattern: str) -> list[str]:
    """Say in which ways a package is not the one that was baked."""
    wheels, original = sorted(own.glob(pattern)), _wheel(baked, pattern)
    if not wheels or original is None:
        return []
    wheel = wheels[0]
    if [path.name for path in wheels] != [original.name]:
        return [f"{', '.join(path.name for path in wheels)} in place of {original.name}"]
    if not zipfile.is_zipfile(wheel):
        return [f"{wheel.name} is no longer a wheel"]
    if changed := _differing(wheel, original):
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        return [f"{wheel.name} differs in {', '.join(changed[:_SHOWN])}{more}"]
    if hashlib.sha256(wheel.read_bytes()).hexdigest() not in (own / pin).read_text(encoding="utf-8"):
        return [f"{pin} does not pin {wheel.name} by its sha256"]
    return []


def _wheel(folder: Path, pattern: str) -> Path | None:
    return next(iter(sorted(folder.glob(pattern))), None)


def _differing(one: Path, other: Path) -> list[str]:
    """Name the members that two wheels do not have in common."""
    ours, theirs = _members(one), _members(other)
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def _members(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        # RECORD lists the hashes of the others, and nothing of its own.
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith(".dist-info/RECORD")}
