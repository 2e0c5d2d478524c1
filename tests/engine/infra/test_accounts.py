"""Promotion across accounts: dev, staging, prod and the registry, each in one of its own."""

import json
import re

from tests.engine.infra.delivery import ACCOUNTS, ENVIRONMENTS, PROJECT, REGISTRY, Bank


def test_each_account_serves_its_own_environment_and_no_other(delivered: Bank) -> None:
    """The registry's account serves nothing."""
    served = {
        account: [
            item["EndpointName"] for item in delivered.admins[account].client("sagemaker").list_endpoints()["Endpoints"]
        ]
        for account in ACCOUNTS
    }

    assert served == {**{env: [f"{PROJECT}-{env}"] for env in ENVIRONMENTS}, "registry": []}


def test_both_versions_were_trained_once_and_approved_from_prod(delivered: Bank) -> None:
    """They lie in the registry's account, where nobody but prod's deployer could approve them.

    Beside their two jobs stand those of the search and of SageMaker Pipelines, which has names of its own.
    """
    sagemaker = delivered.admins["registry"].client("sagemaker")
    arn = f"arn:aws:sagemaker:eu-west-1:{REGISTRY}:model-package/{PROJECT}"

    jobs = [item["TrainingJobName"] for item in sagemaker.list_training_jobs()["TrainingJobSummaries"]]
    versions = [sagemaker.describe_model_package(ModelPackageName=f"{arn}/{number}") for number in (1, 2)]

    first, second = (item["CustomerMetadataProperties"]["fingerprint"] for item in versions)
    assert first != second
    for mark in (first, second):
        attempts = re.compile(rf"{PROJECT}-{mark[:12]}(-\d)?")
        assert len([name for name in jobs if attempts.fullmatch(name)]) == 1
    assert [item["ModelApprovalStatus"] for item in versions] == ["Approved", "Approved"]
    assert [
        delivered.admins[env].client("sagemaker").list_training_jobs()["TrainingJobSummaries"] for env in ENVIRONMENTS
    ] == [[], [], []]


def test_every_environment_went_back_to_the_first_version(delivered: Bank) -> None:
    """The endpoint itself says which version its traffic goes to, in each account."""
    for env in ENVIRONMENTS:
        sagemaker = delivered.admins[env].client("sagemaker")

        variants = sagemaker.describe_endpoint(EndpointName=f"{PROJECT}-{env}")["ProductionVariants"]

        serving = [item["VariantName"] for item in variants if item["CurrentWeight"] > 0]
        assert [name.partition("-")[0] for name in serving] == ["v1"], env


def test_ledger_of_every_account_is_whole(delivered: Bank) -> None:
    """Table and locked copies agree; prod's names who approved."""
    for env in ENVIRONMENTS:
        told = delivered.run("rollback-prod" if env == "prod" else f"deploy-{env}", "verify-ledger", "--env", env)

        assert told.exit_code == 0, told.stderr

    history = delivered.run("rollback-prod", "history", "--env", "prod")
    summary = json.loads(history.stdout)["summary"]
    assert "a reviewer" in summary
    assert "rollback" in summary


def test_bootstrap_of_every_account_is_done(delivered: Bank) -> None:
    """After the whole loop, a second bootstrap changes nothing in any account."""
    for account, env in {"registry": "dev", **dict(zip(ENVIRONMENTS, ENVIRONMENTS, strict=True))}.items():
        told = delivered.manage(account, "bootstrap", "aws", "--env", env, "--yes")

        assert told.outputs["changed"] == "0", account
