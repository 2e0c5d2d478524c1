"""Settings: files and variables in, one validated value out."""

import json
from pathlib import Path

import pytest
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project.environments import ENVIRONMENTS, Environment
from sagemaker_gitops.project.settings import Settings


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_shipped_configuration_is_valid(checkout: Path, env: Environment) -> None:
    """Every environment of a new project loads as it comes."""
    settings = Settings.load(checkout, env, {})

    assert settings.endpoint_name == f"loan-approval-{env}"


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_longest_project_name_leaves_room_for_every_suffix(checkout: Path, env: Environment) -> None:
    """With 32 characters no bucket, role or table name breaks AWS's limit of 63."""
    path = checkout / "infra/config/project.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"project": "a" * 32}))

    s = Settings.load(checkout, env, {})
    role = s.inference_role_arn.rsplit("/", 1)[1]
    names = [s.artifact_bucket, s.capture_bucket, s.ledger_bucket, s.endpoint_name, s.training_job_name("f" * 64), role]

    assert max(map(len, names)) <= 63


def test_variable_overrides_one_key(checkout: Path) -> None:
    """An environment variable changes a single setting and leaves the rest."""
    settings = Settings.load(checkout, "dev", {"PIPELINE__AWS__POLL_SECONDS": "0.5", "HOME": "/"})

    assert settings.aws.poll_seconds == 0.5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"serving": {"instance_typ": "ml.m6i.large"}}, "serving.instance_typ"),
        ({"serving": {"capture_percent": 101}}, "serving.capture_percent = 101"),
        ({"training": {"instance_type": "m6i.large"}}, "training.instance_type = 'm6i.large'"),
        ({"surprise": {}}, "surprise"),
    ],
)
def test_wrong_key_or_value_is_named(checkout: Path, change: dict[str, dict[str, object]], told: str) -> None:
    """An unknown key or a value out of range stops with its name, value and file."""
    path = checkout / "infra/config/dev.json"
    values = json.loads(path.read_text())
    for section, keys in change.items():
        values[section] = values.get(section, {}) | keys
    path.write_text(json.dumps(values))

    with pytest.raises(ConfigurationError) as caught:
        Settings.load(checkout, "dev", {})

    assert told in str(caught.value)
    assert str(path) in str(caught.value)


def test_aws_cannot_roll_back_by_itself_without_a_standby(checkout: Path) -> None:
    """Under AWS's own guardrails nothing is left to go back to; the message says what brings the release up again."""
    native = {"PIPELINE__DEPLOY__STRATEGY": "native", "PIPELINE__MONITOR__POLICY__UNATTENDED": "true"}

    with pytest.raises(ConfigurationError, match="dispatch_secret instead"):
        Settings.load(checkout, "prod", native)


def test_broken_json_is_located(checkout: Path) -> None:
    """A syntax error is told with line and column."""
    (checkout / "infra/config/dev.json").write_text('{\n "serving": }')

    with pytest.raises(ConfigurationError, match=r"dev\.json:2:13"):
        Settings.load(checkout, "dev", {})


def test_missing_file_is_named(tmp_path: Path) -> None:
    """Outside a project the first missing file is named."""
    """Outside a project the first missing file is named."""
    with pytest.raises(ConfigurationError, match=r"project\.json"):
        Settings.load(tmp_path, "dev", {})


def test_values_cannot_be_changed(checkout: Path) -> None:
    """What was validated stays as it was validated."""
    settings = Settings.load(checkout, "dev", {})

    with pytest.raises(ValueError, match="frozen"):
        settings.aws.poll_seconds = 1


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"])
def test_region_of_another_partition_is_refused(checkout: Path, region: str) -> None:
    """Its ARNs do not begin with arn:aws."""
    path = checkout / "infra/config/project.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "region": region}))

    with pytest.raises(ConfigurationError, match="region"):
        Settings.load(checkout, "dev", {})
