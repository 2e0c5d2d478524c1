"""What the cache decision costs on large data, against plainly hashing it with sha256.

    python tests/bench/bench_fingerprint.py --gibibytes 1 --rounds 5

Both subjects run in one process, one after the other, in each round; a ratio is taken within a round. The file is
read once before, so that both find it in the page cache. It exits 1 if the median ratio passes --limit, if
unchanged data was read again, or if a change that leaves size and times as they were is missed when asked for.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

PROJECT = Path(__file__).parents[2] / "<<cookiecutter.project>>"

from sagemaker_gitops.build import contents, fingerprint  # noqa: E402  the project is no installed package

BLOCK_BYTES = 1 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the data, run the rounds, and print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gibibytes", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=1.3)
    parser.add_argument("--scratch", type=Path, default=None, help="where the data goes")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        root = _checkout(Path(scratch) / "checkout", size=int(options.gibibytes * 2**30))
        return _report(root, rounds=options.rounds, limit=options.limit)


def _report(root: Path, *, rounds: int, limit: float) -> int:
    table = root / "data" / "large.csv"
    plain, cold, warm = [], [], []
    for _ in range(rounds):
        plain.append(_seconds(lambda: _plain(table)))
        (root / contents.INDEX).unlink(missing_ok=True)
        cold.append(_seconds(lambda: fingerprint.compute(root)))
        warm.append(_seconds(lambda: fingerprint.compute(root)))
    ratio = median(one / other for one, other in zip(cold, plain, strict=True))
    found = _finds_hidden_change(root, table)
    lines = [
        f"plain sha256       {median(plain):8.3f} s",
        f"decision, unknown  {median(cold):8.3f} s   {ratio:.2f} x (at most {limit:g})",
        f"decision, known    {median(warm):8.3f} s   {median(warm) / median(plain):.3f} x",
        f"a hidden change is {'found' if found else 'MISSED'} when asked",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if ratio <= limit and median(warm) < median(plain) / 4 and found else 1


def _checkout(root: Path, *, size: int) -> Path:
    root.mkdir()
    shutil.copytree(PROJECT / "model", root / "model", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "data").mkdir()
    (root / "vendor").mkdir()
    (root / "vendor/modelkit.txt").write_text("a pin\n")
    block = os.urandom(BLOCK_BYTES)
    with (root / "data" / "large.csv").open("wb") as file:
        for _ in range(size // BLOCK_BYTES):
            file.write(block)
    _plain(root / "data" / "large.csv")
    time.sleep(2.5)  # what was written this moment is not remembered
    return root


def _plain(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _finds_hidden_change(root: Path, table: Path) -> bool:
    with table.open("r+b") as file:
        file.write(b"another beginning")
    time.sleep(2.5)
    stat = table.stat()
    index = root / contents.INDEX
    entries = json.loads(index.read_text())
    # As on a file system that keeps no times: the index believes that it has seen this very file.
    entries["data/large.csv"][:4] = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
    index.write_text(json.dumps(entries))
    believed = fingerprint.data_version(root)
    return fingerprint.read_again(root) == (table,) and fingerprint.data_version(root) != believed


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
