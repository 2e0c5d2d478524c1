"""What a change does to the API, the schema and the data, as Markdown for its reviewers."""

import difflib
from pathlib import Path

from sagemaker_gitops.project import contract_change as change
from sagemaker_gitops.project.model_schema import ModelSchema
from sagemaker_gitops.project.schema_documents import read
from sagemaker_gitops.report.markdown import code, inert

_LINES_SHOWN = 60


def markdown(before: Path, after: Path) -> str:
    """Compare the checkout at `after` with the one at `before`."""
    sections = [
        ("API contract", _document(before, after, change.API)),
        ("Schema", _document(before, after, change.SCHEMA)),
        ("Data by column", _data(before, after)),
    ]
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in sections) + "\n"


def _document(before: Path, after: Path, file: str) -> str:
    old, new = (_lines(root / file) for root in (before, after))
    if old == new:
        return "Unchanged."
    breaks = [f"- ⚠ {inert(message)} (line {line})" for line, message in change.breaks(file, old, new)]
    head = breaks or ["Nothing that a caller uses today breaks."]
    diff = list(difflib.unified_diff(old.splitlines(), new.splitlines(), "base", "this", n=1, lineterm=""))
    cut = [f"… {len(diff) - _LINES_SHOWN} more lines"] if len(diff) > _LINES_SHOWN else []
    shown = [
        "<details><summary>Every change</summary>",
        "",
        code("\n".join([*diff[:_LINES_SHOWN], *cut]), "diff"),
        "",
        "</details>",
    ]
    return "\n".join([*head, "", *shown])


def _lines(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _data(before: Path, after: Path) -> str:
    old, new = (sorted((root / "data").glob("*.csv")) for root in (before, after))
    if [path.read_bytes() for path in old] == [path.read_bytes() for path in new]:
        return "Unchanged."
    if not old or not new:
        return "Only one of the two has its data at hand: `pipeline data pull` fetches it."
    # pyarrow takes 0.2 s to import, which only changed data should cost.
    from sagemaker_gitops.monitor import data_changes as datadiff  # noqa: PLC0415

    schema = read(after, change.SCHEMA, ModelSchema).content
    row_id, listed = (schema.id, schema.listed) if schema else ("", {})
    return datadiff.compare(old, new, row_id=row_id, listed=listed).as_markdown()
