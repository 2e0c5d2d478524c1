"""The cost of a change: what infra/config makes dearer stands in the pull request."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker_gitops.stages import cost_review
from tests.engine.conftest import PROJECT
from tests.sample import ROOT

Change = Callable[[Any], object]


def config(folder: Path, change: Change = lambda _: None) -> Path:
    """Copy the configuration, with prod's changed."""
    shutil.copytree(ROOT / "infra/config", folder / "infra/config")
    (folder / "infra/config/project.json").write_text(json.dumps(PROJECT))
    path = folder / "infra/config/prod.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (lambda content: content["serving"].update(instance_count=4), "| prod | serving |"),
        (lambda content: content["deploy"].update(standby_hours=100), "| prod | standby |"),
        (lambda content: content["serving"].update(capture_percent=1), "| prod | captured traffic |"),
        (lambda content: content["training"].update(instance_count=3), "| prod | training |"),
    ],
    ids=["serving", "standby", "monitoring", "training"],
)
def test_each_change_of_cost_has_its_line(tmp_path: Path, change: Change, row: str) -> None:
    """Only what differs is told, with the date of the prices."""
    told = cost_review.markdown(config(tmp_path / "before"), config(tmp_path / "after", change))

    assert row in told
    assert "November 2026" in told
    assert "| dev |" not in told


def test_more_instances_cost_their_hours(tmp_path: Path) -> None:
    """A month has 730 hours; the sign says which way."""
    fleet = {"instance_type": "ml.m5.large", "instance_count": 2}
    before = config(tmp_path / "before", lambda content: content["serving"].update(fleet))
    after = config(tmp_path / "after", lambda content: content["serving"].update(fleet | {"instance_count": 3}))

    told = cost_review.markdown(before, after)

    assert "| prod | serving | 167.90 | 251.85 | +83.95 |" in told


def test_unchanged_configuration_costs_the_same(tmp_path: Path) -> None:
    """One word, and no table."""
    assert cost_review.markdown(config(tmp_path / "a"), config(tmp_path / "b")) == "### Cost a month\n\nUnchanged.\n"
