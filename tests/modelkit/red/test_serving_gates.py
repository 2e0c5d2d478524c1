"""The contract and latency gates stop the models and servers they exist to stop."""

import json
from pathlib import Path

from tests.modelkit.red import doctor


def _with_schema(model_dir: Path, folder: Path, name: str, changes: dict[str, object]) -> Path:
    """Return a copy of the model whose schema differs in one feature."""
    doctor.copy_model(model_dir, folder)
    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    next(feature for feature in schema["features"] if feature["name"] == name).update(changes)
    doctor.rewrite(folder, "schema.json", json.dumps(schema).encode())
    return folder


def test_narrower_model_is_stopped_by_the_contract_gate(model_dir: Path, tmp_path: Path) -> None:
    """A model that refuses what openapi.yml promises to answer does not pass."""
    folder = _with_schema(model_dir, tmp_path / "model", "pirat", {"maximum": 0.25})

    code, _ = doctor.judge("test_contract", folder)

    assert code == 1


def test_missed_service_level_is_stopped_by_the_latency_gate(model_dir: Path, tmp_path: Path) -> None:
    """A server that is slower than the environment promises is found out, figure by figure."""
    level = {"serving": {"sla": {"p50_ms": 0.01, "p95_ms": 0.01, "p99_ms": 60_000, "requests_per_second": 1e6}}}
    (tmp_path / "tight.json").write_text(json.dumps(level), encoding="utf-8")
    copy = doctor.copy_model(model_dir, tmp_path / "model")

    code, marks = doctor.judge("test_latency", copy, further={"ENVIRONMENT": "tight", "CONFIG_DIR": str(tmp_path)})

    assert code == 1
    assert doctor.missed(marks) == {"latency.p50_ms", "latency.p95_ms", "latency.requests_per_second"}
