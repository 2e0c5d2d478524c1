"""What a caller pays to know which release serves: from its memory, and from DynamoDB.

    python tests/bench/bench_resolve.py --rounds 5

The resolver of the project asks an embedded AWS of its own (moto's DynamoDB behind one HTTP port); both subjects
run in one process, one after the other, in each round, and the ratio is taken within a round. DynamoDB's own
latency is AWS's: here it stands for any store beyond a socket. It exits 1 if memory is not --factor times faster.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import boto3

PROJECT = Path(__file__).parents[2] / "<<cookiecutter.project>>"

from sagemaker_gitops.client.resolver import Freshness, Resolver  # noqa: E402  the project is no installed package

TABLE, ENDPOINT = "bench-active-dev", "bench-dev"
ITEM = {
    "endpoint": {"S": ENDPOINT},
    **{name: {"S": "a" * 40} for name in ("variant", "fingerprint", "commit", "since")},
    **{name: {"N": "7"} for name in ("version", "fence", "sequence")},
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Start an AWS, write one item, and time both ways to it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reads", type=int, default=300, help="reads of DynamoDB a round; memory gets a hundredfold")
    parser.add_argument("--factor", type=float, default=100)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        client = _start(Path(folder))
        try:
            return _report(client, rounds=options.rounds, reads=options.reads, factor=options.factor)
        finally:
            _local(Path(folder), "down")


def _report(client: object, *, rounds: int, reads: int, factor: float) -> int:
    remembered = _resolver(client, ttl=3600)
    asking = _resolver(client, ttl=0)
    memory, table = [], []
    for _ in range(rounds):
        memory.append(_p50(remembered.active, reads * 100))
        table.append(_p50(asking.active, reads))
    ratio = median(slow / fast for slow, fast in zip(table, memory, strict=True))
    lines = [
        f"from memory    p50 {median(memory) * 1e6:10.2f} us",
        f"from DynamoDB  p50 {median(table) * 1e6:10.2f} us   {ratio:.0f} x (at least {factor:g})",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if ratio >= factor else 1


def _resolver(client: Any, *, ttl: float) -> Resolver:
    return Resolver(client, table=TABLE, endpoint=ENDPOINT, freshness=Freshness(ttl_seconds=ttl))


def _p50(act: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return median(taken)


def _start(folder: Path) -> object:
    told = _local(folder, "up", "--account", "111111111111", "--region", "eu-west-1")
    exports = dict(line.removeprefix("export ").split("=", 1) for line in told.splitlines())
    client = boto3.client(
        "dynamodb",
        endpoint_url=exports["AWS_ENDPOINT_URL"],
        region_name="eu-west-1",
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "endpoint", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "endpoint", "KeyType": "HASH"}],
    )
    client.put_item(TableName=TABLE, Item=ITEM)
    return client


def _local(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "sagemaker_gitops", "local", "--state", str(folder / "aws"), *words]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
