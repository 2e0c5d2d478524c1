"""Two models side by side, as Markdown for a pull request."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker_gitops.build.champion import Opponent
from sagemaker_gitops.build.comparison import RATES, at, drawable, rates, roc
from sagemaker_gitops.build.gates import Verdict
from sagemaker_gitops.build.rehearsal import Rehearsed
from sagemaker_gitops.report.markdown import inert
from sagemaker_gitops.report.mermaid import Series, chart, names, span

_GRID = [step / 20 for step in range(21)]
_COLOURS = (("blue", "#0072b2"), ("orange", "#e69f00"))
_LARGER = "Larger plots are in `report.html` of this run's artifact `rehearsal`."
_UNASKED = "Not asked: schema.json names no protected attribute, so there are no groups to compare."


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What a change makes, what it is compared with, and what the gates say.

    `price` is that of one training job, `registered` the version that is this model already, if one is.
    """

    candidate: Rehearsed
    opponent: Opponent | None
    verdict: Verdict
    price: str = ""
    registered: int | None = None


def markdown(compared: Compared) -> str:
    """Write what a reviewer needs to decide on a change of the model."""
    sections = [
        _headline(compared.verdict),
        compared.opponent.told if compared.opponent else "There is no model to compare with.",
        _cost(compared),
        _heading("Metrics on the test split", _metrics(compared)),
        _heading("Rates by group", _groups(compared)),
        _heading("Plots", _plots(compared)),
        _heading("Data", _data(compared)),
        "<details><summary>Every threshold</summary>\n\n" + compared.verdict.as_markdown() + "\n</details>",
    ]
    return "\n\n".join(sections) + "\n"


def _headline(verdict: Verdict) -> str:
    missed = [one for one in verdict.marks if not one.passed]
    lines = [f"- {one.gate}: {inert(one.name)} is {one.value:.4f}, must be {one.limit}" for one in missed]
    lines += [f"- {inert(failure.test)}: {inert(failure.message.splitlines()[0])}" for failure in verdict.failures]
    head = f"passes all {len(verdict.marks)} thresholds" if verdict.passed else "does not pass its gates"
    return "\n".join([f"## This model {head}", *lines])


def _cost(compared: Compared) -> str:
    fingerprint, opponent = compared.candidate.mark, compared.opponent
    shown = f"Fingerprint `{fingerprint.digest[:12]}`"
    if compared.registered:
        return f"{shown} is registered as version {compared.registered}: nothing will be trained on merge."
    consequence = "a training job will run on merge" + (f" ({compared.price})" if compared.price else "")
    if opponent is None:
        return f"{shown} is new: {consequence}."
    theirs = opponent.model.mark.inputs
    changed = sorted(name for name, digest in fingerprint.inputs.items() if theirs.get(name) != digest)
    if not changed:
        return f"{shown} is that of {opponent.name}: nothing will be trained on merge."
    return f"{shown} is new ({', '.join(changed)} changed): {consequence}."


def _metrics(compared: Compared) -> str:
    after, before = compared.candidate.metrics, _before(compared)
    rows = [
        _row(name, before[part].get(name) if before else None, value)
        for part in ("overall", "bias")
        for name, value in after[part].items()
    ]
    return _table(_head(compared), rows) + _linear(after)


def _linear(metrics: Mapping[str, Any]) -> str:
    told = ", ".join(f"{inert(name)} {_number(value)}" for name, value in metrics.get("linear", {}).items())
    return f"\n\nA logistic or linear regression on the same rows: {told}." if told else ""


def _groups(compared: Compared) -> str:
    after, before = compared.candidate.metrics, _before(compared)
    rows = [
        _row(f"{group}: {label}", before["groups"].get(group, {}).get(rate) if before else None, values.get(rate))
        for group, values in after["groups"].items()
        for rate, label in RATES.items()
    ]
    return _table(_head(compared), rows) if rows else _UNASKED


def _plots(compared: Compared) -> str:
    before = {compared.opponent.name: compared.opponent.model.metrics} if compared.opponent else {}
    models = drawable({**before, "this": compared.candidate.metrics})
    if "this" not in models:
        return "There are no plots: the model's metrics.json holds no scores of classes."
    legend = ", ".join(f"{word} is {name}" for name, (word, _) in zip(models, _COLOURS, strict=False))
    by_group = [_selection(models)] if rates(models["this"], "selection_rate") else []
    return "\n\n".join([_roc(models), f"ROC: {legend}. {_LARGER}", *by_group])


def _roc(models: Mapping[str, Mapping[str, Any]]) -> str:
    curves = [
        Series(kind="line", values=at(roc(metrics), _GRID), colour=colour)
        for metrics, (_, colour) in zip(models.values(), _COLOURS, strict=False)
    ]
    return chart("ROC", span("false positive rate", 0, 1), span("true positive rate", 0, 1), curves)


def _selection(models: Mapping[str, Mapping[str, Any]]) -> str:
    found = {name: rates(metrics, "selection_rate") for name, metrics in models.items()}
    shares = {f"{group}: {name}": found[name].get(group, 0.0) for group in found["this"] for name in models}
    # One series: the bars of two would lie over each other.
    bars = [Series(kind="bar", values=list(shares.values()), colour=_COLOURS[0][1])]
    return chart("Predicted positive, by group", names(list(shares)), span("share", 0, _top(bars)), bars)


def _data(compared: Compared) -> str:
    candidate, opponent = compared.candidate, compared.opponent
    version = candidate.mark.inputs["data"]
    was = opponent.model.mark.inputs.get("data", "") if opponent else version
    if opponent is None or was == version:
        return f"{candidate.rows} rows, version `{version[:12]}`, unchanged."
    return (
        f"{opponent.model.rows} → {candidate.rows} rows, version `{was[:12]}` → `{version[:12]}`. "
        f"The figures of {opponent.name} are those of its own test split; the gates judge both on the new one."
    )


def _before(compared: Compared) -> Mapping[str, Any] | None:
    return compared.opponent.model.metrics if compared.opponent else None


def _head(compared: Compared) -> Sequence[str]:
    return "", compared.opponent.name if compared.opponent else "", "this", "change"


def _row(name: str, before: float | None, after: float | None) -> tuple[str, ...]:
    change = f"{after - before:+.4f}" if before is not None and after is not None else ""
    return inert(name), _number(before), _number(after), change


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _top(series: Iterable[Series]) -> float:
    highest = max(value for one in series for value in one.values)
    return min(1.0, round(highest * 1.2 + 0.05, 1))


def _heading(title: str, body: str) -> str:
    return f"### {title}\n\n{body}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
