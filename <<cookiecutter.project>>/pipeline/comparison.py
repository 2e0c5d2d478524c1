"""Two models side by side, as Markdown for a pull request."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.gates import Verdict
from pipeline.rehearsal import Rehearsed

_RATES = {
    "selection_rate": "predicted positive",
    "tpr": "true positives",
    "fpr": "false positives",
    "accuracy": "accuracy",
}


def markdown(candidate: Rehearsed, champion: Rehearsed | None, verdict: Verdict, *, price: str = "") -> str:
    """Write what a reviewer needs to decide on a change of the model; `price` is that of one training job."""
    before = champion.metrics if champion else None
    sections = [
        _headline(verdict),
        _cost(candidate, champion, f"a training job will run on merge{price and f' ({price})'}"),
        _heading("Metrics on the test split", _metrics(candidate.metrics, before)),
        _heading("Rates by group", _groups(candidate.metrics, before)),
        _heading("Data", _data(candidate, champion)),
        "<details><summary>Every mark</summary>\n\n" + verdict.as_markdown() + "\n</details>",
    ]
    return "\n\n".join(sections) + "\n"


def _headline(verdict: Verdict) -> str:
    missed = [mark for mark in verdict.marks if not mark.passed]
    lines = [f"- {mark.gate}: {mark.name} is {mark.value:.4f}, must be {mark.limit}" for mark in missed]
    lines += [f"- `{failure.test}`: {failure.message.splitlines()[0]}" for failure in verdict.failures]
    head = f"passes all {len(verdict.marks)} marks" if verdict.passed else "does not pass its gates"
    return "\n".join([f"## This model {head}", *lines])


def _cost(candidate: Rehearsed, champion: Rehearsed | None, consequence: str) -> str:
    mark = candidate.mark
    if champion is None:
        return f"Fingerprint `{mark.digest[:12]}`. There is no model to compare with: {consequence}."
    changed = sorted(name for name, digest in mark.inputs.items() if champion.mark.inputs.get(name) != digest)
    if not changed:
        return f"Fingerprint `{mark.digest[:12]}` is the base's: nothing will be trained on merge."
    return f"Fingerprint `{mark.digest[:12]}` is new ({', '.join(changed)} changed): {consequence}."


def _metrics(after: Mapping[str, Any], before: Mapping[str, Any] | None) -> str:
    rows = [
        _row(name, before[part].get(name) if before else None, value)
        for part in ("overall", "bias")
        for name, value in after[part].items()
    ]
    return _table(("", "base", "this", "change"), rows)


def _groups(after: Mapping[str, Any], before: Mapping[str, Any] | None) -> str:
    rows = [
        _row(f"{group}: {label}", before["groups"].get(group, {}).get(rate) if before else None, rates.get(rate))
        for group, rates in after["groups"].items()
        for rate, label in _RATES.items()
    ]
    return _table(("", "base", "this", "change"), rows)


def _data(candidate: Rehearsed, champion: Rehearsed | None) -> str:
    version = candidate.mark.inputs["data"]
    if champion is None or champion.mark.inputs["data"] == version:
        return f"{candidate.rows} rows, version `{version[:12]}`, unchanged."
    was = champion.mark.inputs["data"]
    return f"{champion.rows} → {candidate.rows} rows, version `{was[:12]}` → `{version[:12]}`."


def _row(name: str, before: float | None, after: float | None) -> tuple[str, ...]:
    change = f"{after - before:+.4f}" if before is not None and after is not None else ""
    return name, _number(before), _number(after), change


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _heading(title: str, body: str) -> str:
    return f"### {title}\n\n{body}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
