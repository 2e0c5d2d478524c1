"""The demo's rollbacks: which kind it was, and which changes it asked AWS for, read from the record of calls."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console
from sagemaker_gitops.local.demo.rollback import roll_back
from sagemaker_gitops.local.demo.scenario import Scenario, Step


@dataclass(frozen=True, kw_only=True)
class RecordedScenario(Scenario):
    """A scenario whose command only leaves its calls in the record."""

    calls: Path
    warm: str
    operations: tuple[str, ...]

    def run_step(self, name: str, *words: str, **_: object) -> Step:
        """Leave the calls of one command."""
        with self.calls.open("a") as file:
            file.writelines(json.dumps({"operation": operation}) + "\n" for operation in self.operations)
        outputs = {"warm": self.warm, "seconds": "0.3"}
        return Step(name=name, command=" ".join(words), seconds=1.5, exit_code=0, outcome="", outputs=outputs)


@pytest.mark.parametrize(
    ("warm", "changes", "described"),
    [
        ("true", ("UpdateEndpointWeightsAndCapacities",), "warm rollback: 0.3 s .* no instance is started"),
        ("false", ("UpdateEndpoint", "UpdateEndpointWeightsAndCapacities"), "cold rollback: 0.3 s .* 10 to 15 minutes"),
    ],
    ids=["warm", "cold"],
)
def test_rollback_describes_its_kind_and_its_own_changes(
    tmp_path: Path, warm: str, changes: tuple[str, ...], described: str
) -> None:
    """What was called before it, and what only looks, is not part of it."""
    calls = tmp_path / "calls.jsonl"
    calls.write_text(json.dumps({"operation": "UpdateEndpoint"}) + "\n")
    operations = ("DescribeEndpoint", *changes)
    scenario = RecordedScenario(
        checkout=tmp_path, environ={}, console=Console(), calls=calls, warm=warm, operations=operations
    )

    rollback = roll_back(scenario, "prod", calls, to=1)

    assert rollback.changes == changes
    assert ", ".join(changes) in str(rollback)
    assert re.search(described, str(rollback))
