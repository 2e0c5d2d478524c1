"""Nothing outside model/ and data/ knows the sample, so nothing there has to change with the model."""

import json
import re
from pathlib import Path

from tests.bake import ROOT as CHECKOUT
from tests.bake import TEMPLATE, tracked
from tests.sample import ROOT

OWN = ("model", "data", "vendor")
# Columns whose names are English words count where they are quoted as a name; what a project is called, it was told.
ENGLISH = frozenset({"deny", "single", "insurance"})
TOLD = re.compile(r"mortgage-decisions|mortgage applications are denied", re.IGNORECASE)
DOMAIN = re.compile(r"\b(hmda|mortgages?|applicants?|lenders?|denials?)\b", re.IGNORECASE)


def columns() -> set[str]:
    """Name every column that the sample's schema has."""
    schema = json.loads((ROOT / "model/config/schema.json").read_text(encoding="utf-8"))
    around = {schema[key] for key in ("target", "id", "protected", "event_time") if key in schema}
    return around | {feature["name"] for feature in schema["features"]}


def found(text: str, names: set[str]) -> list[str]:
    """Find columns of the sample and words of its domain in a text."""
    bare = re.compile(rf"\b({'|'.join(sorted(names - ENGLISH))})\b")
    quoted = re.compile(rf"[\"'`]({'|'.join(sorted(names & ENGLISH))})[\"'`]")
    free = TOLD.sub("", text)
    return [match[0] for pattern in (bare, quoted, DOMAIN) for match in pattern.finditer(free)]


def shared() -> list[Path]:
    """List the project's text files that are not the model's own."""
    baked = [path for path in tracked(CHECKOUT / TEMPLATE) if path.partition("/")[0] not in OWN]
    return [ROOT / path for path in baked if (ROOT / path).is_file()]


def test_project_knows_no_column_of_the_sample_outside_its_model() -> None:
    """Configuration, stacks, workflows, monitoring and documents speak of any model."""
    names = columns()
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in shared()}

    assert len(texts) > 60
    assert {name: hits for name, text in texts.items() if (hits := found(text, names))} == {}


def test_a_column_that_slips_in_is_found() -> None:
    """Bare where the name is no word, quoted where it is one, and words of the sample's trade."""
    names = columns()

    assert found("3 checks are violated: pirat", names) == ["pirat"]
    assert found('"target": "deny", a single row', names) == ['"deny"']
    assert found("one applicant of mortgage-decisions", names) == ["applicant"]
    assert found("every single request, Deny", names) == []
