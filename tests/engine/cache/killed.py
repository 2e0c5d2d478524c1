"""Runners that die at their n-th step, and what the next one makes of it.

A step is a call to AWS; a poll that repeats itself is one step. A runner dies with the answer of its n-th
step unread, which AWS cannot tell from dying before the next. Run as a program this prints one JSON list: for
each step the exit code of the runner that died there, then of its successor, and how many jobs the two started.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.endpoint import Endpoint
from sagemaker_gitops.cli.app import main

KILLED = 137
WORDS = ("train", "--env", "dev")
HYPERPARAMETERS = Path("model/config/hyperparameters.json")


def attempts() -> list[tuple[int, int, int]]:
    """Kill one runner at each step, on a model of its own each time, until one has no such step."""
    told: list[tuple[int, int, int]] = []
    while not told or told[-1][0] == KILLED:
        step = len(told) + 1
        values = json.loads(HYPERPARAMETERS.read_text())
        HYPERPARAMETERS.write_text(json.dumps(values | {"n_estimators": "1", "seed": str(7000 + step)}))
        jobs = _jobs()
        told.append((_run(die_after=step), _run(), _jobs() - jobs))
    return told


def _run(*, die_after: int | None = None) -> int:
    if (child := os.fork()) == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if die_after:
            _die_after(die_after)
        os._exit(main(WORDS))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _die_after(step: int) -> None:
    send, seen = Endpoint.make_request, [""]

    def make_request(self: Endpoint, operation: Any, request: Any) -> Any:
        if seen[-1] != operation.name:
            seen.append(operation.name)
        answer = send(self, operation, request)
        if len(seen) > step:
            os._exit(KILLED)
        return answer

    Endpoint.make_request = make_request  # type: ignore[method-assign, assignment]


def _jobs() -> int:
    pages = boto3.client("sagemaker").get_paginator("list_training_jobs").paginate()
    return sum(len(page["TrainingJobSummaries"]) for page in pages)


if __name__ == "__main__":
    result = json.dumps(attempts())
    sys.stdout.write(result)
