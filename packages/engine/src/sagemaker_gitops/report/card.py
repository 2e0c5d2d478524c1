"""The model card: what a release is for, how good and how fair it is, what made it, and who let it through.

Its JSON follows the schema of SageMaker's model package model card (developer guide, "Model package model
card schema"), and is one line, as the registry wants it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Text = Annotated[str, StringConstraints(max_length=2048)]
Content = dict[str, Any]
Metric = dict[str, Any]

HELD_OUT = "Held-out rows"


class Statement(BaseModel):
    """model/config/card.json: what only people can say about a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: Text
    intended_uses: Text
    factors: Text = ""
    risk_rating: Literal["High", "Medium", "Low", "Unknown"] = "Unknown"
    risk_explanation: Text = ""
    business_problem: Text = ""
    stakeholders: Text = ""
    data: Annotated[str, StringConstraints(max_length=1024)] = ""
    objective: Literal["Maximize", "Minimize"] = "Minimize"
    ethics: Text = ""
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the pipeline knows of a release; `metrics` is the artefact's metrics.json."""

    owner: str
    model_data: str
    image: str
    training_image: str
    training_job: str
    data: str
    hyperparameters: Mapping[str, str]
    metrics: Mapping[str, Any]
    thresholds: Sequence[Mapping[str, Any]]
    lineage: Mapping[str, str]


def content(statement: Statement, facts: Facts) -> Content:
    """Put a card together."""
    return {
        "model_overview": {"model_creator": facts.owner, "model_artifact": [facts.model_data]},
        "intended_uses": {
            "purpose_of_model": statement.purpose,
            "intended_uses": statement.intended_uses,
            "factors_affecting_model_efficiency": statement.factors,
            "risk_rating": statement.risk_rating,
            "explanations_for_risk_rating": statement.risk_explanation,
        },
        "business_details": {
            "business_problem": statement.business_problem,
            "business_stakeholders": statement.stakeholders,
        },
        "training_details": _training(statement, facts),
        "evaluation_details": [_evaluation(facts)],
        "additional_information": {
            "ethical_considerations": statement.ethics,
            "caveats_and_recommendations": "\n".join(statement.limits)[:2048],
            "custom_details": {"serving_image": facts.image, **facts.lineage},
        },
    }


def decided(card: Content, *, approver: str, reason: str, decision: str) -> Content:
    """Return the card with a person's decision on it."""
    more = dict(card.get("additional_information", {}))
    word = {"decision": decision, "approver": approver[:1024], "approval_reason": reason[:1024]}
    more["custom_details"] = {**more.get("custom_details", {}), **word}
    return {**card, "additional_information": more}


def dump(card: Content) -> str:
    """Write a card as the registry keeps it: JSON without a line break."""
    return json.dumps(card, ensure_ascii=False, separators=(",", ":"))


def groups(card: Content) -> Iterator[tuple[str, list[Metric]]]:
    """Yield the name and the metrics of each group of metrics."""
    for evaluation in card.get("evaluation_details", []):
        for group in evaluation.get("metric_groups", []):
            yield group["name"], group["metric_data"]


def _training(statement: Statement, facts: Facts) -> Content:
    return {
        "objective_function": {"function": {"function": statement.objective}},
        "training_observations": statement.data,
        "training_job_details": {
            "training_arn": facts.training_job,
            "training_datasets": [facts.data],
            "training_environment": {"container_image": [facts.training_image]},
            "user_provided_hyper_parameters": [
                {"name": name, "value": value} for name, value in facts.hyperparameters.items()
            ],
        },
    }


def _evaluation(facts: Facts) -> Content:
    by_group = facts.metrics.get("groups") or {}
    groups = [
        ("Overall", _numbers(facts.metrics.get("overall") or {})),
        ("A linear model on the same rows", _numbers(facts.metrics.get("linear") or {})),
        *((f"Group {name}", _rates(rates)) for name, rates in by_group.items()),
        ("Gaps between groups", _numbers(facts.metrics.get("bias") or {})),
        ("Thresholds of the gates", [_threshold(one) for one in facts.thresholds]),
    ]
    return {
        "name": HELD_OUT,
        "evaluation_observation": "Measured on rows that training never saw.",
        "datasets": [facts.data],
        "metric_groups": [{"name": name[:63], "metric_data": metrics} for name, metrics in groups if metrics],
    }


def _numbers(values: Mapping[str, float | None]) -> list[Metric]:
    return [
        {"name": name, "type": "number", "value": value}
        for name, value in values.items()
        if isinstance(value, int | float)
    ]


def _rates(rates: Mapping[str, float | None]) -> list[Metric]:
    people = rates.get("n") or 0
    metrics = _numbers(rates)
    for metric in metrics:
        share = metric["value"]
        if metric["name"] in {"selection_rate", "accuracy"} and people:
            error = (share * (1 - share) / people) ** 0.5
            metric["notes"] = f"standard error {error:.3f} over {people:g} rows"
    return metrics


def _threshold(one: Mapping[str, Any]) -> Metric:
    return {
        "name": f"{one['gate']}: {one['name']}",
        "type": "number",
        "value": one["value"],
        "notes": f"{'met' if one['passed'] else 'MISSED'}, {_limit(one)}",
    }


def _limit(one: Mapping[str, Any]) -> str:
    minimum = one.get("minimum")
    return f"at least {minimum:g}" if minimum is not None else f"at most {one.get('maximum') or 0:g}"
