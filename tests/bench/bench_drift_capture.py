"""How fast captured JSON lines become columns, against json, csv and pandas.

    python tests/bench/bench_drift_capture.py --events 1000000 --rounds 3

An event is one CSV row of the schema's features with its answer, as SageMaker captures it. Ours also judges
what it reads: it counts every cell, every answer and every hour, in bounded memory.
"""
# ruff: noqa: PLC0415  each subject's imports are inside, and count

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

PROJECT = Path(__file__).parents[2] / "<<cookiecutter.project>>"
SUBJECTS = ("lines", "ours", "pandas")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the events, run the rounds, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encoding", choices=["CSV", "BASE64", "JSON"], default="CSV")
    parser.add_argument("--run", choices=SUBJECTS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.run:
        {"lines": lines, "ours": ours, "pandas": pandas}[options.run](options.file)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "events.jsonl"
        write_events(path, options.events, options.encoding)
        size = path.stat().st_size / 2**20
        rounds = [{name: _run(name, path) for name in SUBJECTS} for _ in range(options.rounds)]
    sys.stdout.write(
        f"{options.events:,} {options.encoding} events, {size:.0f} MiB, {options.rounds} rounds, medians\n\n"
    )
    for name in SUBJECTS:
        seconds, work, memory = (median(one[name][index] for one in rounds) for index in range(3))
        ratios = [median(one[name][index] / one["ours"][index] for one in rounds) for index in range(2)]
        sys.stdout.write(
            f"{name:<8}{seconds:>8.2f} s{work:>8.2f} CPU s{memory:>7.0f} MiB"
            f"{ratios[0]:>8.1f} x ours{ratios[1]:>8.1f} by CPU\n"
        )
    return 0


def _run(name: str, path: Path) -> tuple[float, float, float]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, __file__, "--run", name, "--file", str(path)]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def write_events(path: Path, count: int, encoding: str) -> None:
    """Write real rows over and over, an event each."""
    import base64

    schema = json.loads((PROJECT / "model/config/schema.json").read_text())
    names = [feature["name"] for feature in schema["features"]]
    kinds = {feature["name"]: feature["type"] for feature in schema["features"]}
    with (PROJECT / "data/hmda.csv").open() as file:
        rows = list(csv.DictReader(file))
    bodies = []
    for row in rows:
        cells = {name: float(row[name]) if kinds[name] == "number" else row[name] for name in names}
        text = (
            json.dumps({"instances": [cells]}) if encoding == "JSON" else ",".join(row[name] for name in names) + "\n"
        )
        bodies.append(base64.b64encode(text.encode()).decode() if encoding == "BASE64" else text)
    kind = "application/json" if encoding == "JSON" else "text/csv"
    predictions = [{"label": "no", "probability": 0.1234}]
    answer = {"predictions": predictions, "model_version": "3", "fingerprint": "ab" * 32, "inference_id": "x"}
    output = {
        "observedContentType": "application/json",
        "mode": "OUTPUT",
        "data": json.dumps(answer, separators=(",", ":")),
        "encoding": "JSON",
    }
    with path.open("w") as file:
        for number in range(count):
            request = {
                "observedContentType": kind,
                "mode": "INPUT",
                "data": bodies[number % len(bodies)],
                "encoding": encoding,
            }
            metadata = {
                "eventId": f"{number:032x}",
                "inferenceId": f"call-{number}",
                "inferenceTime": f"2026-11-23T{number * 24 // count:02}:00:00Z",
            }
            event = {
                "captureData": {"endpointInput": request, "endpointOutput": output},
                "eventMetadata": metadata,
                "eventVersion": "0",
            }
            file.write(json.dumps(event, separators=(",", ":")) + "\n")


def lines(path: Path) -> None:
    """Count lines: what reading alone costs."""
    with path.open("rb") as file:
        assert sum(1 for _ in file) > 0


def ours(path: Path) -> None:
    """Read and count with the monitor's own reader."""
    from datetime import UTC, datetime

    from pipeline.drift.baseline import FILES
    from pipeline.drift.parallel import Reading, read_files
    from pipeline.drift.reader import Window
    from pipeline.drift.truth import Truth
    from pipeline.drift.worker import chunks

    folder = PROJECT / "monitoring/baselines"
    day = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)
    reading = Reading(
        files={name: (folder / name).read_bytes() for name in FILES},
        window=Window(start=day[0], end=day[1], labels_since=day[0]),
        release="abababab",
        truth=Truth(),
    )
    files = [(str(path), "v3-abababab", chunks(path))]
    counted = read_files(reading, files, size=path.stat().st_size).reading
    assert counted.rows == counted.events > 0


def pandas(path: Path) -> None:
    """Read with the standard library and pandas: json, then the CSV reader or json again, then a typed frame."""
    import base64
    import io

    import pandas as pd

    schema = json.loads((PROJECT / "model/config/schema.json").read_text())
    names = [feature["name"] for feature in schema["features"]]
    cells: list[Sequence[object]] = []
    scores: list[float] = []
    with path.open() as file:
        for line in file:
            data = json.loads(line)["captureData"]
            asked = data["endpointInput"]
            text = base64.b64decode(asked["data"]).decode() if asked["encoding"] == "BASE64" else asked["data"]
            if asked["encoding"] == "JSON":
                cells.extend([row[name] for name in names] for row in json.loads(text)["instances"])
            else:
                cells.extend(csv.reader(io.StringIO(text)))
            scores.extend(row["probability"] for row in json.loads(data["endpointOutput"]["data"])["predictions"])
    frame = pd.DataFrame(cells, columns=names)
    for feature in schema["features"]:
        frame[feature["name"]] = frame[feature["name"]].astype(float if feature["type"] == "number" else "category")
    assert len(frame) == len(scores)


if __name__ == "__main__":
    raise SystemExit(main())
