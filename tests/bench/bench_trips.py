"""How many files of the engine a command passes: those of which at least one function runs, on the embedded AWS.

    python tests/bench/bench_trips.py PACKAGE pytest TEST…

runs tests that call `python -m PACKAGE …` and prints, for each command, the most files that one of its runs executed.
PACKAGE is `sagemaker_gitops`, or `pipeline` in a project of the time before the package.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

TRACING = Path(__file__).resolve().parent / "tracing"


def main(package: str, command: list[str]) -> int:
    """Run a command with every process of the engine traced, and print what each passed."""
    with TemporaryDirectory() as folder:
        path = os.pathsep.join([str(TRACING), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        traced = {"PYTHONPATH": path, "TRIPS_FOLDER": folder, "TRIPS_PACKAGE": package}
        code = subprocess.run([sys.executable, "-m", *command], env={**os.environ, **traced}, check=False).returncode
        trips: dict[str, set[str]] = {}
        for file in Path(folder).iterdir():
            files = set(file.read_text().split())
            name = file.name.partition(".")[0]
            trips[name] = max(trips.get(name, set()), files, key=len)
    for name, files in sorted(trips.items()):
        print(f"{name}: {len(files)} files")  # noqa: T201
        print("    " + " ".join(sorted(files)))  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
