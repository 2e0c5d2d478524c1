"""The demo's rollbacks: which kind it was, and which changes it asked AWS for, read from the record of calls."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console
from sagemaker_gitops.local.demo.story import Step, Story
from sagemaker_gitops.local.demo.way_back import roll_back


@dataclass(frozen=True, kw_only=True)
class Played(Story):
    """A story whose command only leaves its calls in the record."""

    calls: Path
    warm: str
    operations: tuple[str, ...]

    def tell(self, name: str, *words: str, **_: object) -> Step:
        """Leave the calls of one command."""
        with self.calls.open("a") as file:
            file.writelines(json.dumps({"operation": operation}) + "\n" for operation in self.operations)
        outputs = {"warm": self.warm, "seconds": "0.3"}
        return Step(name=name, command=" ".join(words), seconds=1.5, exit_code=0, outcome="", outputs=outputs)


@pytest.mark.parametrize(
    ("warm", "changes", "told"),
    [
        ("true", ("UpdateEndpointWeightsAndCapacities",), "warm rollback: 0.3 s .* no instance is started"),
        ("false", ("UpdateEndpoint", "UpdateEndpointWeightsAndCapacities"), "cold rollback: 0.3 s .* 10 to 15 minutes"),
    ],
    ids=["warm", "cold"],
)
def test_rollback_tells_its_kind_and_its_own_changes(
    tmp_path: Path, warm: str, changes: tuple[str, ...], told: str
) -> None:
    """What was called before it, and what only looks, is not part of it."""
    calls = tmp_path / "calls.jsonl"
    calls.write_text(json.dumps({"operation": "UpdateEndpoint"}) + "\n")
    operations = ("DescribeEndpoint", *changes)
    story = Played(checkout=tmp_path, environ={}, console=Console(), calls=calls, warm=warm, operations=operations)

    way = roll_back(story, "prod", calls, to=1)

    assert way.changes == changes
    assert ", ".join(changes) in str(way)
    assert re.search(told, str(way))
