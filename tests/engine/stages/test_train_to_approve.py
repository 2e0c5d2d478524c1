"""From a commit to an approved version, and every way in which that is refused."""

import json
from collections.abc import Iterator

import pytest
from sagemaker_gitops.errors import NotApproved
from tests.engine.stages.conftest import Laptop

MODEL_CHANGES = pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"n_estimators": "1"}, "quality: roc_auc"),
        ({"threshold": "0.2"}, "bias: disparate_impact_ratio"),
    ],
    ids=["worse", "biased"],
)


@pytest.fixture
def hyperparameters(laptop: Laptop) -> Iterator[None]:
    """Give the checkout its hyperparameters back after a test."""
    path = laptop.root / "model/config/hyperparameters.json"
    before = path.read_text()
    yield
    path.write_text(before)


def test_second_train_of_the_same_commit_starts_no_job(laptop: Laptop) -> None:
    """The same fingerprint finds the model that exists."""
    first = laptop.run("train", "--env", "dev")
    jobs = laptop.training_jobs()

    second = laptop.run("train", "--env", "dev")

    assert first.exit_code == second.exit_code == 0
    assert second.outputs["cached"] == "true"
    assert second.outputs["model_sha256"] == first.outputs["model_sha256"]
    assert laptop.training_jobs() == jobs


def test_model_that_passes_is_registered_once_and_approved(laptop: Laptop) -> None:
    """Train, test and register give one version; registering again finds it."""
    for stage in ("train", "test"):
        assert laptop.run(stage, "--env", "dev").exit_code == 0

    first = laptop.run("register", "--env", "dev").outputs["version"]
    second = laptop.run("register", "--env", "dev").outputs["version"]
    decided = laptop.run("approve", "--env", "prod", "--version", first, "--reason", "reviewed", "--approver", "risk")

    package = laptop.client("sagemaker").describe_model_package(
        ModelPackageName=f"arn:aws:sagemaker:eu-west-1:111111111111:model-package/loan-approval/{first}"
    )
    assert first == second
    assert decided.outputs["status"] == package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == "risk: reviewed"
    assert package["CustomerMetadataProperties"]["gates"] == "passed"
    for subject in ("train", "inference", "model"):
        bucket, key = package["CustomerMetadataProperties"][f"sbom_{subject}"].removeprefix("s3://").split("/", 1)
        bill = json.load(laptop.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
        assert bill["bomFormat"] == "CycloneDX"


def test_registered_version_has_a_card_with_the_decision_on_it(laptop: Laptop) -> None:
    """The registry keeps it beside the version; the command writes it for people, with plots."""
    version = laptop.run("register", "--env", "dev").outputs["version"]
    laptop.run("approve", "--env", "prod", "--version", version, "--reason", "reviewed", "--approver", "risk")

    told = laptop.run("card", "--env", "dev", "--version", version)

    package = laptop.client("sagemaker").describe_model_package(
        ModelPackageName=f"arn:aws:sagemaker:eu-west-1:111111111111:model-package/loan-approval/{version}"
    )
    custom = json.loads(package["ModelCard"]["ModelCardContent"])["additional_information"]["custom_details"]
    page = (laptop.root / told.outputs["report_html"]).read_text()
    assert package["ModelCard"]["ModelCardStatus"] == "Approved"
    assert (custom["approver"], custom["approval_reason"]) == ("risk", "reviewed")
    assert page.count("<svg") == 5
    assert "standard error 0.0" in (laptop.root / told.outputs["card_md"]).read_text()


def test_revoked_version_is_deployed_nowhere(laptop: Laptop) -> None:
    """A person takes an approval back; not even dev, which asks for none, deploys the version."""
    version = laptop.run("register", "--env", "dev").outputs["version"]
    words = ("approve", "--env", "prod", "--version", version, "--approver", "risk")

    revoked = laptop.run(*words, "--reject", "--reason", "biased against renters")
    refused = laptop.run("deploy", "--env", "dev", "--version", version)

    laptop.run(*words, "--reason", "the report was wrong")
    assert revoked.outputs["status"] == "Rejected"
    assert refused.exit_code == NotApproved.exit_code
    assert "was revoked: risk: biased against renters" in refused.stderr


@MODEL_CHANGES
@pytest.mark.usefixtures("hyperparameters")
def test_model_that_misses_a_mark_is_never_registered(laptop: Laptop, change: dict[str, str], told: str) -> None:
    """A worse and a biased model are stopped by test, and register refuses them."""
    laptop.set_hyperparameters(**change)
    assert laptop.run("train", "--env", "dev").exit_code == 0
    versions = laptop.versions()

    judged = laptop.run("test", "--env", "dev")
    registered = laptop.run("register", "--env", "dev")

    assert judged.exit_code == registered.exit_code == 20
    assert told in judged.stderr
    assert "missed by" in judged.stderr
    assert laptop.versions() == versions


@pytest.mark.usefixtures("hyperparameters")
def test_model_that_no_gate_has_seen_is_not_registered(laptop: Laptop) -> None:
    """Register asks for the gates' verdict on exactly this model."""
    laptop.set_hyperparameters(n_estimators="151")

    refused = laptop.run("register", "--env", "dev")

    assert refused.exit_code == 21
    assert "pipeline test --env dev" in refused.stderr


@pytest.mark.usefixtures("hyperparameters")
def test_gates_ask_for_a_trained_model(laptop: Laptop) -> None:
    """Test names the command that is missing."""
    laptop.set_hyperparameters(n_estimators="152")

    refused = laptop.run("test", "--env", "dev")

    assert refused.exit_code == 11
    assert "pipeline train --env dev" in refused.stderr


@pytest.mark.usefixtures("hyperparameters")
def test_failed_job_tells_its_reason_and_does_not_block_the_next(laptop: Laptop) -> None:
    """A failed run is never a cache hit: the next one starts a job of its own."""
    laptop.set_hyperparameters(learning_rate="fast")
    jobs = laptop.training_jobs()

    first, second = (laptop.run("train", "--env", "dev") for _ in range(2))

    assert first.exit_code == second.exit_code == 10
    assert "learning_rate" in first.stderr
    assert laptop.training_jobs() == jobs + 2


@pytest.mark.usefixtures("hyperparameters")
def test_hyperparameter_that_is_no_string_is_named(laptop: Laptop) -> None:
    """SageMaker passes strings, so anything else is refused before a job is paid for."""
    path = laptop.root / "model/config/hyperparameters.json"
    path.write_text(json.dumps({"n_estimators": 150}))

    refused = laptop.run("train", "--env", "dev")

    assert refused.exit_code == 2
    assert 'write "n_estimators": "150"' in refused.stderr


def test_code_that_was_never_built_into_an_image_is_not_trained(laptop: Laptop) -> None:
    """A change of the training code needs its image first."""
    path = laptop.root / "model/train/train.py"
    before = path.read_text()
    path.write_text(before + "\n# changed\n")

    refused = laptop.run("train", "--env", "dev")

    path.write_text(before)
    assert refused.exit_code == 6
    assert "pipeline image" in refused.stderr


def test_approval_without_a_reason_or_a_version_is_refused(laptop: Laptop) -> None:
    """An auditor reads the reason, so it cannot be empty; the version has to exist."""
    empty = laptop.run("approve", "--env", "prod", "--version", "1", "--reason", " ")
    absent = laptop.run("approve", "--env", "prod", "--version", "99", "--reason", "because")

    assert (empty.exit_code, absent.exit_code) == (2, 11)
    assert "99" in absent.stderr


def test_fingerprint_of_another_commit_is_refused(laptop: Laptop) -> None:
    """An identifier handed over from another commit does not pass."""
    refused = laptop.run("test", "--env", "dev", "--fingerprint", "0" * 64)

    assert refused.exit_code == 2
    assert "check out the commit" in refused.stderr


def test_nobody_is_asked_without_credentials(laptop: Laptop) -> None:
    """Without any credentials the error says how to get some."""
    alone = Laptop(root=laptop.root, environ={})

    refused = alone.run("train", "--env", "dev", AWS_EC2_METADATA_DISABLED="true", HOME="/nonexistent")

    assert refused.exit_code == 3
    assert "make demo" in refused.stderr


@pytest.mark.usefixtures("hyperparameters")
def test_explain_names_the_input_that_changed(laptop: Laptop) -> None:
    """A miss is explained by the hyperparameter, from what to what."""
    laptop.set_hyperparameters(max_depth="3")

    told = laptop.run("explain", "--env", "dev")

    assert told.outputs["hit"] == "false"
    assert "max_depth: 2 → 3" in told.stdout
