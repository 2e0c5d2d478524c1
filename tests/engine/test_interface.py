"""The public interface of both packages changes with a line of CHANGELOG.md, and never without."""

import json

import pytest
from tests.interface import CHANGELOG, SNAPSHOT, Snapshot, Untold, digest, record, render, told

FORMER: Snapshot = {"changelog": ["- One."], "interface": ["pipeline train --env: str, required"]}


def test_interface_is_as_recorded() -> None:
    """Whoever changes what projects use says so in CHANGELOG.md, then runs `make interface`."""
    recorded = json.loads(SNAPSHOT.read_text())

    assert render() == recorded["interface"]


def test_record_is_sealed() -> None:
    """It is written by `make interface`, which refuses a change that is not told, and by no hand."""
    recorded = json.loads(SNAPSHOT.read_text())

    assert recorded["sha256"] == digest(recorded)


def test_record_speaks_of_everything_public() -> None:
    """Commands, exit codes, configuration, the callers' client and what model/ imports of the modelkit are in it."""
    lines = render()

    for start in ("pipeline deploy --version", "exit code 20", "--json ok", "infra/config/<env>.json deploy strategy"):
        assert any(line.startswith(start) for line in lines), start
    assert any(line.startswith("sagemaker_gitops.client.resolver.Resolver.active(") for line in lines)
    assert any(line.startswith("sagemaker_gitops_modelkit.training.") for line in lines)


def test_change_without_a_line_is_refused() -> None:
    """An option more is a change, and the lines that were there before tell nothing of it."""
    with pytest.raises(Untold):
        record([*FORMER["interface"], "pipeline train --fast: bool, default False"], ["- One."], FORMER)


def test_change_with_a_new_line_is_recorded() -> None:
    """A line that the former record did not have tells of it; the next change needs another one."""
    made = record(["pipeline train"], ["- One.", "- Two."], FORMER)

    assert made["interface"] == ["pipeline train"]
    with pytest.raises(Untold):
        record(["pipeline"], ["- One.", "- Two."], made)


def test_lines_are_those_of_the_newest_version() -> None:
    """A line of an earlier version tells nothing of a change of today."""
    text = CHANGELOG.read_text()

    assert told("# Changelog\n\n## v2\n\n### Added\n\n- New.\n\n## v1\n\n- Old.\n") == ["- New."]
    assert told(text)
