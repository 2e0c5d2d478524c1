"""The model card: valid for SageMaker, complete for people, honest about its error."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sagemaker_gitops.build.model_card import STATEMENT, statement
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.local.sagemaker.model_packages import check_model_card
from sagemaker_gitops.local.server.context import Refusal
from sagemaker_gitops.report import card as cards
from sagemaker_gitops.report import release
from sagemaker_gitops.report.card import Facts, Statement
from tests.sample import ROOT

FACTS = Facts(
    owner="example-bank",
    model_data="s3://artifacts/models/job/output/model.tar.gz",
    image="registry/inference:1",
    training_image="registry/train:1",
    training_job="arn:aws:sagemaker:eu-west-1:111111111111:training-job/job",
    data="s3://data, version 1",
    hyperparameters={"n_estimators": "150"},
    metrics={
        "overall": {"roc_auc": 0.8256},
        "groups": {"yes": {"n": 110, "selection_rate": 0.23, "tpr": None}},
        "bias": {"disparate_impact_ratio": 0.83},
    },
    thresholds=[{"gate": "quality", "name": "roc_auc", "value": 0.8256, "minimum": 0.795, "passed": True}],
    lineage={"fingerprint": "f" * 64, "commit": "c" * 40},
)
CARD = cards.content(Statement.model_validate_json((ROOT / STATEMENT).read_bytes()), FACTS)


def test_card_follows_the_schema_of_sagemaker() -> None:
    """What the registry would refuse is never sent; the sample's own text included."""
    check_model_card({"ModelCard": {"ModelCardContent": cards.dump(CARD)}})


@pytest.mark.parametrize(
    "content",
    ["{}\n", "no JSON", '{"model_overview": {"model_owner": "x"}}', '{"intended_uses": {"risk_rating": "?"}}'],
)
def test_local_registry_refuses_what_is_no_card(content: str) -> None:
    """A line break, another syntax, an unknown key, an unknown value."""
    with pytest.raises(Refusal):
        check_model_card({"ModelCard": {"ModelCardContent": content}})


def test_rate_of_a_group_is_told_with_its_error() -> None:
    """A rate over 110 people is known to about four hundredths, and the card says so."""
    told = {metric["name"]: metric for name, metrics in cards.groups(CARD) if name == "Group yes" for metric in metrics}

    assert told["selection_rate"]["notes"] == "standard error 0.040 over 110 rows"
    assert "tpr" not in told


@pytest.mark.parametrize("write", [release.markdown, lambda title, card: release.webpage(title, card, {})])
def test_documents_tell_purpose_limits_figures_and_approver(write: Callable[[str, cards.Content], str]) -> None:
    """Markdown and page hold what an auditor asks for."""
    decided = cards.decided(CARD, approver="ada", reason="gates are green", decision="Approved")

    text = write("loans, version 3", decided)

    for word in ("loans, version 3", "Equal Credit Opportunity Act", "110 people", "0.8256", "f" * 64, "ada"):
        assert word in text, word


def test_page_escapes_what_people_wrote() -> None:
    """A reason is text, whatever it holds."""
    decided = cards.decided(CARD, approver="<script>", reason="a & b", decision="Approved")

    text = release.webpage("t", decided, {})

    assert "<script>" not in text
    assert "a &amp; b" in text


def test_model_without_a_statement_says_so(tmp_path: Path) -> None:
    """A card is written all the same, and asks for the file."""
    assert "model/config/card.json" in statement(tmp_path).purpose


def test_statement_that_the_registry_would_refuse_is_named(tmp_path: Path) -> None:
    """The key at fault is told before anything is registered."""
    path = tmp_path / STATEMENT
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"purpose": "x" * 3000, "intended_uses": "y"}))

    with pytest.raises(ConfigurationError, match="purpose"):
        statement(tmp_path)
