"""The demo's canary is held to prod's service level, which a busy machine widens by what its own clients measure."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sagemaker_gitops.local.demo.run import service_level
from sagemaker_gitops.local.demo.scenario import Scenario
from sagemaker_gitops.local.demo.traffic import Answer, Traffic

LEVEL = {"p50_ms": 50, "p95_ms": 150, "p99_ms": 300, "requests_per_second": 20}


def measured(seconds: float, *, count: int) -> Traffic:
    """Return traffic that has so many answers of one latency."""
    client: Any = None
    traffic = Traffic(client, "demo-prod", [{}])
    one = Answer(moment=0, seconds=seconds, inference_id="", variant="", version="1", prediction="", error="")
    traffic._answers += [one] * count
    return traffic


@pytest.mark.parametrize(
    ("seconds", "count", "factor"),
    [(0.004, 200, 1), (0.05, 200, 10), (0.05, 0, 1)],
    ids=["idle", "busy", "nothing measured yet"],
)
def test_service_level_is_prods_unless_the_machine_is_busy(
    tmp_path: Path, seconds: float, count: int, factor: float
) -> None:
    """Ten times the median of what clients measure, and never less than prod's own."""
    (tmp_path / "infra/config").mkdir(parents=True)
    (tmp_path / "infra/config/prod.json").write_text(json.dumps({"serving": {"sla": LEVEL}}))
    scenario = Scenario(checkout=tmp_path, environ={}, console=Console())

    limits = service_level(scenario, measured(seconds, count=count))

    assert {name: float(value) for name, value in limits.items()} == {
        "PIPELINE__SERVING__SLA__P50_MS": 50 * factor,
        "PIPELINE__SERVING__SLA__P95_MS": 150 * factor,
        "PIPELINE__SERVING__SLA__P99_MS": 300 * factor,
    }
