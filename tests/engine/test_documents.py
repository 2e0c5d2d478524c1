"""The documents say what the code does."""

from pathlib import Path

import pytest
from tests.bake import ROOT as REPOSITORY
from tests.engine import reference
from tests.engine.test_errors import CLASSES
from tests.sample import ROOT


def test_reference_is_what_the_code_says() -> None:
    """docs/reference.md was written from this very code."""
    written = (REPOSITORY / "docs/reference.md").read_text()

    assert written == reference.render(), "run `make reference`"


@pytest.mark.parametrize("name", sorted(item.__name__ for item in CLASSES if item.__subclasses__() == []))
def test_runbook_knows_every_error(name: str) -> None:
    """Whoever meets an error finds its name in docs/operate.md."""
    assert f"### {name}" in (ROOT / "docs/operate.md").read_text()


@pytest.mark.parametrize("path", sorted((ROOT / "monitoring/alarms").glob("*.json")), ids=lambda path: path.stem)
def test_runbook_knows_every_alarm(path: Path) -> None:
    """Whoever is paged finds the alarm's name in docs/operate.md."""
    assert f"### {path.stem}\n" in (ROOT / "docs/operate.md").read_text()
