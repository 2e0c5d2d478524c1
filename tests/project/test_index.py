"""The packages from a company's own index, as docs/howto/upgrade.md says: by the same pins, and nothing else."""

import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.sample import ROOT
from uv import find_uv_bin

PINS = [ROOT / "vendor/engine.txt", ROOT / "vendor/modelkit.txt"]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve the two wheels as a simple index does; return its folder and its address."""
    folder = tmp_path / "simple"
    for wheel in (ROOT / "vendor").glob("*.whl"):
        place = folder / wheel.name.split("-")[0].replace("_", "-")
        place.mkdir(parents=True)
        shutil.copy(wheel, place)
        (place / "index.html").write_text(f'<!DOCTYPE html><a href="{wheel.name}">{wheel.name}</a>')
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    server.server_close()


def install(url: str, target: Path, pins: list[Path]) -> subprocess.CompletedProcess[str]:
    """Install what is pinned, from this index alone, into a new environment."""
    uv = find_uv_bin()
    subprocess.run([uv, "venv", "--quiet", target], check=True)
    words = ["pip", "sync", "--no-config", "--no-cache", "--require-hashes", "--default-index", url]
    return subprocess.run(
        [uv, *words, "--python", target / "bin/python", *pins], capture_output=True, text=True, check=False
    )


def test_pins_install_from_an_index(index: tuple[Path, str], tmp_path: Path) -> None:
    """The project's own pins need no file of vendor/ when an index has the wheels."""
    _, url = index

    done = install(url, tmp_path / "venv", PINS)

    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("venv/lib/*/site-packages/sagemaker_gitops/__main__.py"))
    assert list(tmp_path.glob("venv/lib/*/site-packages/sagemaker_gitops_modelkit/__init__.py"))


def test_other_bytes_from_the_index_are_refused(index: tuple[Path, str], tmp_path: Path) -> None:
    """A wheel of the same name and version that is not the pinned one is not installed."""
    folder, url = index
    wheel = next(folder.glob("sagemaker-gitops/*.whl"))
    wheel.write_bytes(next(folder.glob("sagemaker-gitops-modelkit/*.whl")).read_bytes())

    done = install(url, tmp_path / "venv", PINS)

    assert done.returncode != 0
    assert not list(tmp_path.glob("venv/lib/*/site-packages/sagemaker_gitops/__main__.py"))
