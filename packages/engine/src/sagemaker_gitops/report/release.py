"""A release's report: the model card as Markdown, and as a page with plots."""

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sagemaker_gitops.report import card as cards
from sagemaker_gitops.report import page
from sagemaker_gitops.report.card import Content, Metric

_PURPOSE = {
    "purpose_of_model": "Purpose",
    "intended_uses": "Intended use",
    "factors_affecting_model_efficiency": "What its quality depends on",
    "risk_rating": "Risk",
    "explanations_for_risk_rating": "Why",
}
_CURVES = (
    ("roc", "fpr", "tpr", "false positive rate", "true positive rate", "ROC. The dotted line is chance."),
    ("precision_recall", "recall", "precision", "recall", "precision", "Precision for each recall."),
    ("calibration", "predicted", "observed", "predicted", "observed rate", "Calibration. The dotted line is perfect."),
)


def markdown(title: str, card: Content) -> str:
    """Write a card for people who read Markdown."""
    parts = [f"# {title}", "", *_told(card)]
    for name, metrics in cards.groups(card):
        rows = [f"| {item['name']} | {_value(item)} | {item.get('notes', '')} |" for item in metrics]
        parts += [f"## {name}", "", "| | value | |", "|---|---:|---|", *rows, ""]
    lineage = [f"| {name} | `{value}` |" for name, value in _lineage(card)]
    return "\n".join([*parts, "## Lineage and approval", "", "| | |", "|---|---|", *lineage, ""])


def webpage(title: str, card: Content, evaluation: Mapping[str, Any]) -> str:
    """Write a card as a page; `evaluation` holds the curves of the training job, and may be empty."""
    sections = [
        page.Section(title="What it is for", body=page.table(("", ""), _purpose(card))),
        page.Section(title="Limits", body=_limits(card)),
        *_plots(evaluation),
        *(_metrics(name, metrics) for name, metrics in cards.groups(card)),
        page.Section(title="Lineage and approval", body=page.table(("", ""), _codes(card))),
    ]
    return page.page(title, card["intended_uses"].get("purpose_of_model", ""), sections)


def _told(card: Content) -> Iterator[str]:
    uses = card["intended_uses"]
    for key, name in _PURPOSE.items():
        if uses.get(key):
            yield from (f"**{name}.** {uses[key]}", "")
    yield from (f"**Data.** {card['training_details'].get('training_observations', '')}", "", "## Limits", "")
    yield from (f"- {line}" for line in _caveats(card))
    yield from ("", card["additional_information"].get("ethical_considerations", ""), "")


def _purpose(card: Content) -> list[Sequence[str]]:
    uses = card["intended_uses"]
    rows = [(name, uses.get(key, "")) for key, name in _PURPOSE.items()]
    rows.append(("Data", card["training_details"].get("training_observations", "")))
    return [(html.escape(name), html.escape(text)) for name, text in rows if text]


def _limits(card: Content) -> str:
    items = "".join(f"<li>{html.escape(line)}</li>" for line in _caveats(card))
    return f"<ul>{items}</ul><p>{html.escape(card['additional_information'].get('ethical_considerations', ''))}</p>"


def _caveats(card: Content) -> list[str]:
    text: str = card["additional_information"].get("caveats_and_recommendations", "")
    return text.splitlines() or ["None were stated: write them into model/config/card.json."]


def _metrics(name: str, metrics: Sequence[Metric]) -> page.Section:
    rows = [(html.escape(item["name"]), _value(item), html.escape(item.get("notes", ""))) for item in metrics]
    return page.Section(title=name, body=page.table(("", "value", ""), rows, numbers=(1,)))


def _value(metric: Metric) -> str:
    value = metric["value"]
    return f"{value:.4g}" if isinstance(value, int | float) else html.escape(str(value))


def _lineage(card: Content) -> Iterator[tuple[str, str]]:
    job = card["training_details"]["training_job_details"]
    yield "model", ", ".join(card["model_overview"]["model_artifact"])
    yield "training job", job["training_arn"]
    yield "training image", ", ".join(job["training_environment"]["container_image"])
    yield from card["additional_information"]["custom_details"].items()


def _codes(card: Content) -> list[Sequence[str]]:
    return [(html.escape(name.replace("_", " ")), page.code(value)) for name, value in _lineage(card)]


def _plots(evaluation: Mapping[str, Any]) -> Iterator[page.Section]:
    # matplotlib takes half a second to import, which a card alone should not wait for.
    from sagemaker_gitops.report.plots import Axis, Line, bars, curves  # noqa: PLC0415

    unit = (0.0, 1.02)
    figures = [
        page.figure(
            curves(
                [Line(name=key, points=list(zip(evaluation[key][x], evaluation[key][y], strict=True)))],
                Axis(label=x_label, limits=unit),
                Axis(label=y_label, limits=unit),
                diagonal=key != "precision_recall",
            ),
            caption,
        )
        for key, x, y, x_label, y_label, caption in _CURVES
        if key in evaluation
    ]
    groups = evaluation.get("groups") or {}
    for key, label in (("selection_rate", "share given the positive label"), ("tpr", "share of positives found")):
        if groups:
            series = {label: [groups[name].get(key) or 0.0 for name in sorted(groups)]}
            drawn = bars(sorted(groups), series, Axis(label=label, limits=(0, 1)))
            figures.append(page.figure(drawn, f"{label.capitalize()}, by the protected attribute."))
    if figures:
        yield page.Section(title="On the held-out rows", body=page.figures(figures))
