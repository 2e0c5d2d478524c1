"""The wheels that a bake packs are those that uv builds, and no other is accepted."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.bake import ROOT
from tests.commands import make
from uv import find_uv_bin

import pre_prompt

PACKAGES = sorted(pre_prompt.PACKAGES)


def members(wheel: Path) -> dict[str, bytes]:
    """Read every file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def lines(name: str, files: dict[str, bytes]) -> bytes | list[bytes]:
    """Return a member's bytes; of the list of commands, its lines that are not blank."""
    return [*filter(None, files[name].splitlines())] if name.endswith("entry_points.txt") else files[name]


@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_holds_what_uv_builds(package: str, tmp_path: Path) -> None:
    """Modules and metadata are the same, byte for byte, and so are the commands but for blank lines."""
    words = ["build", "--wheel", "--quiet", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([find_uv_bin(), *words, "--out-dir", tmp_path, ROOT / "packages" / package], check=True)
    built = members(next(tmp_path.glob("*.whl")))

    packed = members(pre_prompt.pack(ROOT / "packages" / package, tmp_path))

    # RECORD lists the others in the builder's order, WHEEL names the builder.
    own = (".dist-info/RECORD", ".dist-info/WHEEL")
    assert packed.keys() == built.keys()
    assert [name for name in built if lines(name, built) != lines(name, packed) and not name.endswith(own)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_same_sources_make_the_same_bytes(package: str, tmp_path: Path) -> None:
    """A pin is of the sources, whoever bakes and whenever."""
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()

    one, other = (pre_prompt.pack(ROOT / "packages" / package, folder).read_bytes() for folder in folders)

    assert one == other


@pytest.mark.slow
def test_altered_wheel_is_refused(installed: Path, tmp_path: Path) -> None:
    """One byte more, and nothing is installed; the last line says what to do."""
    project = tmp_path / "altered"
    shutil.copytree(installed, project, ignore=shutil.ignore_patterns(".venv", ".git"))
    wheel = next((project / "vendor").glob("sagemaker_gitops-*.whl"))
    wheel.write_bytes(wheel.read_bytes() + b"x")

    run = make("setup", folder=project)

    assert run.returncode != 0
    assert "'git checkout vendor' brings back the committed one" in run.stdout
