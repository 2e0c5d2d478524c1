"""The cache trains once, believes no bytes that it has not recorded, and survives its runners."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sagemaker_gitops.build import fingerprint
from tests.engine.cache import killed
from tests.engine.stages.conftest import Laptop, surroundings

BUCKET = "loan-approval-artifacts-111111111111"


def _key(model_data: str) -> str:
    return model_data.removeprefix(f"s3://{BUCKET}/")


@pytest.mark.usefixtures("small")
def test_racing_runners_train_once(laptop: Laptop) -> None:
    """Two runs of one fingerprint start one job between them, and both return its model."""
    jobs = laptop.training_jobs()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: laptop.run("train", "--env", "dev"), range(2))

    assert first.exit_code == second.exit_code == 0
    assert first.outputs["model_sha256"] == second.outputs["model_sha256"]
    assert laptop.training_jobs() == jobs + 1


@pytest.mark.usefixtures("small")
def test_artefact_of_other_bytes_is_refused(laptop: Laptop) -> None:
    """Whoever exchanges a stored model is found out by every stage that would use it."""
    trained = laptop.run("train", "--env", "dev").outputs
    key = _key(trained["model_data"])
    laptop.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"another model")

    refused = [laptop.run(stage, "--env", "dev") for stage in ("train", "test", "explain")]

    assert [told.exit_code for told in refused] == [12, 12, 12]
    assert trained["model_sha256"] in refused[0].stderr


@pytest.mark.usefixtures("small")
def test_evicted_artefact_is_made_again_byte_for_byte(laptop: Laptop) -> None:
    """A model that was removed is a miss, said so, and comes back with the same graph."""
    first = laptop.run("train", "--env", "dev").outputs
    jobs = laptop.training_jobs()
    laptop.client("s3").delete_object(Bucket=BUCKET, Key=_key(first["model_data"]))

    explained = laptop.run("explain", "--env", "dev")
    again = laptop.run("train", "--env", "dev")

    assert explained.outputs["hit"] == "false"
    assert "was removed" in explained.stdout
    assert again.outputs["cached"] == "false"
    assert again.outputs["model_file_sha256"] == first["model_file_sha256"]
    assert "not reproducible" not in again.stdout
    assert laptop.training_jobs() == jobs + 1


def test_run_that_is_killed_at_any_step_leaves_the_cache_sound(laptop: Laptop) -> None:
    """Wherever a runner dies, the next one ends well, with one job between the two."""
    done = subprocess.run(
        [sys.executable, killed.__file__],
        cwd=laptop.root,
        env={**surroundings(), **laptop.environ, "PYTHONPATH": str(laptop.root)},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )

    *deaths, unharmed = json.loads(done.stdout)

    assert len(deaths) > 8
    assert deaths == [[killed.KILLED, 0, 1]] * len(deaths)
    assert unharmed == [0, 0, 1]


def test_ten_commits_of_documents_train_nothing(laptop: Laptop) -> None:
    """Prose is no input: the fingerprint stays, so there is nothing to train."""
    trained = laptop.run("train", "--env", "dev").outputs
    jobs = laptop.training_jobs()

    for number in range(10):
        (laptop.root / "docs" / f"note-{number}.md").write_text("More words.\n")
        assert fingerprint.compute(laptop.root).digest == trained["fingerprint"]

    assert laptop.run("train", "--env", "dev").outputs["cached"] == "true"
    assert laptop.training_jobs() == jobs


def test_revert_finds_the_former_model_and_version(laptop: Laptop) -> None:
    """After a change and its revert nothing is trained, no gate is run, and the version is the first one."""
    stages = ("train", "test", "register")
    first = [laptop.run(stage, "--env", "dev") for stage in stages]
    original = (laptop.root / "model/config/hyperparameters.json").read_bytes()
    laptop.set_hyperparameters(n_estimators="151")
    changed = [laptop.run(stage, "--env", "dev") for stage in stages]
    jobs = laptop.training_jobs()

    (laptop.root / "model/config/hyperparameters.json").write_bytes(original)
    reverted = [laptop.run(stage, "--env", "dev") for stage in stages]

    assert {told.exit_code for told in (*first, *changed, *reverted)} == {0}
    assert changed[2].outputs["version"] != first[2].outputs["version"] == reverted[2].outputs["version"]
    assert "nothing was run" in reverted[1].stdout
    assert laptop.training_jobs() == jobs


def test_half_an_upload_is_not_a_data_version(laptop: Laptop, small: str, tmp_path: Path) -> None:
    """A prefix that lacks a file is not trained on, although its name is asked for."""
    (laptop.root / "data/more.csv").write_text((laptop.root / "data/hmda.csv").read_text().replace("\n1,", "\n9001,"))
    version = fingerprint.data_version(laptop.root)
    laptop.client("s3").put_object(Bucket="loan-approval-data-111111111111", Key=f"{version}/hmda.csv", Body=b"id\n1\n")
    (laptop.root / "data/more.csv").unlink()

    refused = laptop.run("train", "--env", "dev", "--data", version[:12])

    assert refused.exit_code == 12
    assert "data push" in refused.stderr


def test_data_version_that_is_not_stored_is_refused(laptop: Laptop) -> None:
    """A version is named by the beginning of its hash, and must exist."""
    refused = laptop.run("train", "--env", "dev", "--data", "0123456789ab")

    assert refused.exit_code == 2
    assert "names 0 stored data versions" in refused.stderr
