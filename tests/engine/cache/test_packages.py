"""Which of the two packages belongs to a model: a newer engine trains nothing, a newer modelkit trains anew."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bake import ROOT
from tests.engine.stages.conftest import Laptop

import pre_prompt

PRODUCTS = ("model", "train_image", "inference_image")
COPIED = shutil.ignore_patterns("__pycache__")


@pytest.fixture(autouse=True)
def vendor_restored(laptop: Laptop, tmp_path: Path) -> Iterator[None]:
    """Give the project its own packages back, images included."""
    vendor = laptop.root / "vendor"
    kept = shutil.copytree(vendor, tmp_path / "vendor")
    yield
    shutil.rmtree(vendor)
    shutil.copytree(kept, vendor)
    assert laptop.run("local", "image").exit_code == 0


def upgraded(laptop: Laptop, package: str, scratch: Path, *, file: str, before: str, after: str) -> Path:
    """Replace a package's wheel and pin by those of a newer version, as an upgrade does; return the wheel."""
    source = shutil.copytree(ROOT / "packages" / package, scratch / package, ignore=COPIED)
    for path, old, new in (
        (source / "pyproject.toml", '\nversion = "0.1.0"', '\nversion = "0.2.0"'),
        (source / "src" / file, before, after),
    ):
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{path} has changed; choose another edit for this test"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    vendor = laptop.root / "vendor"
    wheel = pre_prompt.pack(source, vendor)
    (vendor / wheel.name.replace("0.2.0", "0.1.0")).unlink()
    pre_prompt.pin(wheel, vendor / pre_prompt.PACKAGES[package])
    return wheel


@pytest.mark.usefixtures("small")
def test_newer_engine_trains_nothing(laptop: Laptop, tmp_path: Path) -> None:
    """The newer engine itself runs, and finds the model, both images and the fingerprint as they were."""
    trained = laptop.run("train", "--env", "dev").outputs
    jobs = laptop.training_jobs()
    newer = {"file": "sagemaker_gitops/stages/explain.py", "before": "### explain", "after": "### explain, newer"}
    with zipfile.ZipFile(upgraded(laptop, "engine", tmp_path, **newer)) as wheel:
        wheel.extractall(tmp_path / "engine-0.2.0")
    by_newer = {"PYTHONPATH": str(tmp_path / "engine-0.2.0")}

    explained = laptop.run("explain", "--env", "dev", **by_newer)
    again = laptop.run("train", "--env", "dev", **by_newer)

    assert "### explain, newer" in explained.stdout
    assert [explained.outputs[f"{product}_hit"] for product in PRODUCTS] == ["true"] * 3
    assert again.outputs["fingerprint"] == trained["fingerprint"]
    assert again.outputs["cached"] == "true"
    assert laptop.training_jobs() == jobs


def test_newer_modelkit_trains_anew(laptop: Laptop, tmp_path: Path) -> None:
    """Fingerprint and images are others, `explain` says by which package, and the model is made again."""
    told = [laptop.run(stage, "--env", "dev") for stage in ("train", "test", "register")]
    assert [one.exit_code for one in told] == [0, 0, 0], [one.stderr for one in told]
    version, jobs = told[-1].outputs["version"], laptop.training_jobs()
    newer = {
        "file": "sagemaker_gitops_modelkit/training/__init__.py",
        "before": '"""Training',
        "after": '"""Newer training',
    }
    upgraded(laptop, "modelkit", tmp_path, **newer)

    explained = laptop.run("explain", "--env", "dev", "--version", version)
    assert laptop.run("local", "image").exit_code == 0
    again = laptop.run("train", "--env", "dev")

    assert [explained.outputs[f"{product}_hit"] for product in PRODUCTS] == ["false"] * 3
    assert "another modelkit makes and serves the model: sagemaker-gitops-modelkit==0.2.0" in explained.stdout
    assert "| requirements |" not in explained.stdout
    assert again.outputs["cached"] == "false"
    assert again.outputs["fingerprint"] == explained.outputs["fingerprint"] != told[0].outputs["fingerprint"]
    assert laptop.training_jobs() == jobs + 1
