"""One shard of a window, counted inside a SageMaker Processing job.

It runs in the serving image, so numpy, msgspec, flatbuffers and the standard library are all that it may import.
The folders are those that the job's inputs name: `code`, `job` (baseline files, ground truth, task.json) and
`captures`, of which every instance receives its own share of the files.
"""

import json
import os
import sys
from pathlib import Path

import msgspec

from sagemaker_gitops.monitor.answers import Truth
from sagemaker_gitops.monitor.baseline import FILES
from sagemaker_gitops.monitor.events import Span
from sagemaker_gitops.monitor.parallel import Reading, Task, read_files
from sagemaker_gitops.monitor.tally import Tally, dump_tally
from sagemaker_gitops.monitor.window import Window


def main(root: Path) -> int:
    """Count the captures below `root` and write the tally where the job's output is taken from."""
    tally = count(root / "input")
    output = root / "output"
    output.mkdir(parents=True, exist_ok=True)
    (output / f"{_host(root)}.tally").write_bytes(dump_tally(tally))
    reading = tally.reading
    sys.stdout.write(f"{reading.files} files, {reading.events} events, {reading.corrupt_lines} corrupt lines\n")
    return 0


def count(folder: Path) -> Tally:
    """Count every capture file of this shard."""
    job = folder / "job"
    task = msgspec.json.decode((job / "task.json").read_bytes(), type=Task)
    reading = Reading(
        files={name: (job / name).read_bytes() for name in FILES},
        window=Window(start=task.start, end=task.end, labels_since=task.labels_since),
        release=task.release,
        truth=msgspec.msgpack.decode((job / "truth.msgpack").read_bytes(), type=Truth),
    )
    paths = sorted((folder / "captures").rglob("*.jsonl"))
    # …/<variant>/yyyy/mm/dd/hh/<file>
    files = [(str(path), path.parts[-6], Span.whole(path)) for path in paths]
    return read_files(reading, files, size=sum(span.end for _, _, span in files))


def _host(root: Path) -> str:
    try:
        return str(json.loads((root.parent / "config/resourceconfig.json").read_text())["current_host"])
    except FileNotFoundError:
        return "algo-1"


if __name__ == "__main__":
    raise SystemExit(main(Path(os.environ.get("SM_ML_ROOT", "/opt/ml")) / "processing"))
