"""A bad answer is refused before anything is made, with the rule that it breaks."""

import json
import re
from pathlib import Path

import boto3
import pytest
from cookiecutter.exceptions import CookiecutterException
from sagemaker_gitops.project.regions import absent
from tests.bake import ROOT, bake

import post_gen_project
import pre_gen_project

CONTEXT = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
RULES = CONTEXT["_rules"]
QUESTIONS = [name for name in CONTEXT if not name.startswith("_")]

REFUSED = [
    ("project", "Mortgage", "lower-case letters, digits and hyphens"),
    ("project", 'a"b', "lower-case letters, digits and hyphens"),
    ("project", "a'''b", "lower-case letters, digits and hyphens"),
    ("project", "a b", "lower-case letters, digits and hyphens"),
    ("project", "churn_model", "lower-case letters, digits and hyphens"),
    ("project", "churn.model", "lower-case letters, digits and hyphens"),
    ("project", "churn\n", "lower-case letters, digits and hyphens"),
    ("project", "prévision", "lower-case letters, digits and hyphens"),
    ("project", "1st-model", "starts with a letter"),
    ("project", "churn-", "does not end with a hyphen"),
    ("project", "churn--model", "no double hyphen"),
    ("project", "ml", "at least 3 characters"),
    ("project", "a-project-with-33-characters-abcd", "at most 32 characters"),
    ("project", "xn-churn", "prefix that AWS reserves"),
    ("project", "sthree-churn", "prefix that AWS reserves"),
    ("project", "amzn-s3-demo", "prefix that AWS reserves"),
    ("project", "aws-churn", "prefix that AWS reserves"),
    ("project", "sagemaker-churn", "prefix that AWS reserves"),
    ("description", "", "1 to 140 characters"),
    ("description", "x" * 141, "1 to 140 characters"),
    ("description", "two\nlines", "one line without control characters"),
    ("description", 'say "no"', "no double quote"),
    ("description", "back\\slash", "no double quote, backslash"),
    ("description", "a <b>", "angle bracket"),
    ("description", " padded", "no space at its ends"),
    ("github_owner", "-octo", "letters, digits and single hyphens"),
    ("github_owner", "octo--org", "letters, digits and single hyphens"),
    ("github_owner", "octo_org", "letters, digits and single hyphens"),
    ("github_owner", "o" * 40, "at most 39 characters"),
    ("reviewers", "ml-reviewers", "@org/team or @user"),
    ("reviewers", "@org/team,@user", "@org/team or @user"),
    ("reviewers", "@a @b @c @d @e @f @g", "at most six"),
    ("aws_region", "eu-west-9", "a region where CloudFormation has SageMaker"),
    ("aws_region", "EU-WEST-1", "a region where CloudFormation has SageMaker"),
    ("aws_region", "eu-west-1a", "a region where CloudFormation has SageMaker"),
    ("aws_region", "cn-north-1", "a region where CloudFormation has SageMaker"),
    ("dev_account_id", "12345678901", "12 digits"),
    ("staging_account_id", "1111-2222-3333", "12 digits"),
    ("prod_account_id", "١٢٣٤٥٦٧٨٩٠١٢", "12 digits"),
]
GOOD = {name: question["example"] for name, question in RULES.items()}


@pytest.mark.parametrize(("question", "answer", "rule"), REFUSED)
def test_bad_answer_is_refused(
    question: str, answer: str, rule: str, template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The message names the question, the value, the rule and an example; no file is left behind."""
    answers = {**GOOD, question: answer}

    with pytest.raises(CookiecutterException):
        bake(template, tmp_path / "projects" / answers["project"], answers, tmp_path)

    message = capfd.readouterr().err
    assert f"{question}: {answer!r} breaks the rule" in message
    assert rule in message
    assert f"Example: {RULES[question]['example']}" in message
    assert list((tmp_path / "projects").iterdir()) == []


def test_every_complaint_is_made_at_once() -> None:
    """Two bad answers cost one run, not two."""
    found = pre_gen_project.complaints({**GOOD, "project": "A", "aws_region": "mars-1"}, RULES)

    assert sorted({line.split(":")[0] for line in found}) == ["aws_region", "project"]


@pytest.mark.parametrize("question", RULES)
def test_every_rule_refuses_something(question: str) -> None:
    """Each rule of each question stops at least one of the answers above."""
    refused = [answer for name, answer, _ in REFUSED if name == question]

    idle = [
        rule
        for pattern, rule in RULES[question]["rules"].items()
        if all(re.fullmatch(pattern, answer) for answer in refused)
    ]

    assert idle == []


def test_examples_and_defaults_pass() -> None:
    """What a message recommends is accepted, and so is a bake that answers nothing."""
    defaults = {name: CONTEXT[name] for name in QUESTIONS if "<<" not in CONTEXT[name]}

    assert pre_gen_project.complaints(GOOD, RULES) == []
    assert pre_gen_project.complaints({**GOOD, **defaults}, RULES) == []


def test_each_of_at_most_eight_questions_has_a_prompt_and_rules() -> None:
    """Nobody is asked anything without an explanation and a check."""
    assert len(QUESTIONS) <= 8
    assert list(CONTEXT["__prompts__"]) == QUESTIONS == list(RULES)


def test_regions_are_those_of_sagemaker() -> None:
    """The pattern lists those where the AWS SDK knows SageMaker and CloudFormation makes a model registry."""
    (pattern,) = RULES["aws_region"]["rules"]
    registry = "AWS::SageMaker::ModelPackageGroup"

    regions = boto3.session.Session().get_available_regions("sagemaker", "aws")

    assert pattern.split("|") == [name for name in regions if not absent(registry, name)]


def test_next_steps_can_be_pasted(tmp_path: Path) -> None:
    """A folder with a space is quoted in the printed command."""
    assert f"cd '{tmp_path}/my models/churn'" in post_gen_project.next_steps(tmp_path / "my models" / "churn")
