"""The wheels that a bake packs are those that uv builds, and no other is accepted."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.bake import ROOT, bake
from tests.commands import make, newcomer
from uv import find_uv_bin

import pre_prompt

PACKAGES = sorted(pre_prompt.PACKAGES)
WHEELS = {"engine": "sagemaker_gitops-*.whl", "modelkit": "sagemaker_gitops_modelkit-*.whl"}


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


@pytest.mark.parametrize("package", PACKAGES)
def test_no_zlib_has_a_say_in_the_bytes(package: str, tmp_path: Path) -> None:
    """Members are stored, because two machines' zlibs compress differently, and the pin decides the fingerprint."""
    with zipfile.ZipFile(pre_prompt.pack(ROOT / "packages" / package, tmp_path)) as wheel:
        assert {member.compress_type for member in wheel.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
def test_altered_wheel_is_refused(package: str, template: Path, tmp_path: Path) -> None:
    """One byte inside is another, and nothing is installed; the last line says what to do."""
    project = bake(template, tmp_path / "altered", {}, tmp_path)
    wheel = next((project / "vendor").glob(WHEELS[package]))
    content = bytearray(wheel.read_bytes())
    content[len(content) // 2] ^= 1
    wheel.write_bytes(content)

    run = make("setup", folder=project)

    assert run.returncode != 0
    assert "'git checkout vendor' brings back the committed one" in run.stdout.splitlines()[-2]
    assert not (project / ".venv/bin/pipeline").exists()
    assert not (project / ".venv/.ready").exists()


@pytest.mark.acceptance
def test_packages_come_from_a_place_of_ones_own(template: Path, tmp_path: Path) -> None:
    """Without wheels in vendor/ they are installed from the named place, and so is the local AWS's image."""
    project = bake(template, tmp_path / "elsewhere", {}, tmp_path)
    (tmp_path / "packages").mkdir()
    for wheel in (project / "vendor").glob("*.whl"):
        shutil.move(wheel, tmp_path / "packages")

    assert make("setup", folder=project).returncode != 0
    run = make("setup", f"PACKAGES=--find-links={tmp_path / 'packages'}", folder=project)
    assert run.returncode == 0, run.stdout

    def pipeline(*words: str, **variables: str) -> str:
        environ = {**newcomer(), "UV_FIND_LINKS": str(tmp_path / "packages"), **variables}
        command = [str(project / ".venv/bin/pipeline"), *words]
        return subprocess.run(command, cwd=project, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout

    exports = pipeline("local", "up").splitlines()
    try:
        pipeline("local", "image", **dict(line.removeprefix("export ").split("=", 1) for line in exports))
    finally:
        pipeline("local", "down")

    assert [*(project / ".local/images").glob("train-*")]
