"""How fast captured JSON lines become columns, against json, csv and pandas.

    python tests/bench/bench_drift_capture.py --events 1000000 --rounds 3 --times-pandas 8
    python tests/bench/bench_drift_capture.py --events 8500000 --rounds 1 --without-pandas --scratch /path/with/6/GB

An event is one CSV row of the schema's features with its answer, as SageMaker captures it. Ours also judges
what it reads: it counts every cell, every answer and every hour, in bounded memory. QUOTED is CSV whose every
text is quoted. A goal that is given and missed is exit 1.
"""
# ruff: noqa: PLC0415  each subject's imports are inside, and count

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench_process import Measured, measure

PROJECT = Path(__file__).parents[2] / "<<cookiecutter.project>>"
SUBJECTS = ("lines", "ours", "pandas")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the events, run the rounds, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encoding", choices=["CSV", "QUOTED", "BASE64", "JSON"], default="CSV")
    parser.add_argument("--without-pandas", action="store_true", help="for files that pandas has no memory for")
    parser.add_argument("--times-pandas", type=float, help="how many times faster than json + pandas it has to be")
    parser.add_argument("--scratch", type=Path, default=None, help="where the events go")
    parser.add_argument("--run", choices=SUBJECTS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.run:
        {"lines": lines, "ours": ours, "pandas": pandas}[options.run](options.file)
        return 0
    subjects = SUBJECTS[:-1] if options.without_pandas else SUBJECTS
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        path = Path(scratch) / "events.jsonl"
        write_events(path, options.events, options.encoding)
        size = path.stat().st_size / 2**20
        rounds = [{name: _run(name, path) for name in subjects} for _ in range(options.rounds)]
    sys.stdout.write(
        f"{options.events:,} {options.encoding} events, {size:.0f} MiB, {options.rounds} rounds, medians\n\n"
    )
    for name in subjects:
        runs, ours_runs = [one[name] for one in rounds], [one["ours"] for one in rounds]
        pairs = list(zip(runs, ours_runs, strict=True))
        sys.stdout.write(
            f"{name:<8}{median(run.seconds for run in runs):>8.2f} s"
            f"{median(run.cpu_seconds for run in runs):>8.2f} CPU s"
            f"{median(run.mebibytes for run in runs):>7.0f} MiB"
            f"{median(run.seconds / own.seconds for run, own in pairs):>8.1f} x ours"
            f"{median(run.cpu_seconds / own.cpu_seconds for run, own in pairs):>8.1f} by CPU\n"
        )
    if options.times_pandas and not options.without_pandas:
        ratio = median(one["pandas"].seconds / one["ours"].seconds for one in rounds)
        sys.stdout.write(f"times_pandas {ratio:.1f}, goal {options.times_pandas:g}\n")
        return int(ratio < options.times_pandas)
    return 0


def _run(name: str, path: Path) -> Measured:
    command = [sys.executable, __file__, "--run", name, "--file", str(path)]
    return measure(name, command, {})


def write_events(path: Path, count: int, encoding: str) -> None:
    """Write real rows over and over, an event each."""
    predictions = [{"label": "no", "probability": 0.1234}]
    answer = {"predictions": predictions, "model_version": "3", "fingerprint": "ab" * 32, "inference_id": "x"}
    output = {
        "observedContentType": "application/json",
        "mode": "OUTPUT",
        "data": json.dumps(answer, separators=(",", ":")),
        "encoding": "JSON",
    }
    kind = "application/json" if encoding == "JSON" else "text/csv"
    told = "CSV" if encoding == "QUOTED" else encoding
    heads = []
    for body in _bodies(encoding):
        request = {"observedContentType": kind, "mode": "INPUT", "data": body, "encoding": told}
        data = {"endpointInput": request, "endpointOutput": output}
        heads.append(f'{{"captureData":{json.dumps(data, separators=(",", ":"))},"eventMetadata":{{"eventId":"')
    with path.open("w") as file:
        for number in range(count):
            file.write(
                f'{heads[number % len(heads)]}{number:032x}","inferenceId":"call-{number}","inferenceTime":'
                f'"2026-11-23T{number * 24 // count:02}:00:00Z"}},"eventVersion":"0"}}\n'
            )


def _bodies(encoding: str) -> list[str]:
    """Write each real row as the body of a request."""
    import base64
    import io

    schema = json.loads((PROJECT / "model/config/schema.json").read_text())
    kinds = {feature["name"]: float if feature["type"] == "number" else str for feature in schema["features"]}
    with (PROJECT / "data/hmda.csv").open() as file:
        rows = [{name: row[name] for name in kinds} for row in csv.DictReader(file)]
    bodies = []
    for row in rows:
        cells = {name: kinds[name](cell) for name, cell in row.items()}
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerow(cells.values())
        plain = ",".join(row.values()) + "\n"
        written = {
            "JSON": json.dumps({"instances": [cells]}),
            "BASE64": base64.b64encode(plain.encode()).decode(),
            "QUOTED": text.getvalue(),
        }
        bodies.append(written.get(encoding, plain))
    return bodies


def lines(path: Path) -> None:
    """Count lines: what reading alone costs."""
    with path.open("rb") as file:
        assert sum(1 for _ in file) > 0


def ours(path: Path) -> None:
    """Read and count with the monitor's own reader."""
    from datetime import UTC, datetime

    from sagemaker_gitops.monitor.answers import Truth
    from sagemaker_gitops.monitor.baseline import FILES
    from sagemaker_gitops.monitor.events import Span
    from sagemaker_gitops.monitor.parallel import Reading, read_files
    from sagemaker_gitops.monitor.window import Window

    folder = Path(__file__).parent / "baselines"
    day = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)
    reading = Reading(
        files={name: (folder / name).read_bytes() for name in FILES},
        window=Window(start=day[0], end=day[1], labels_since=day[0]),
        release="abababab",
        truth=Truth(),
    )
    files = [(str(path), "v3-abababab", Span.whole(path))]
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
