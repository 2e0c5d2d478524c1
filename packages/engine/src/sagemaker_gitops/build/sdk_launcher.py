"""The SageMaker SDK, run from an environment of its own: it is eighteen times boto3's size."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagemaker_gitops.build.locked import Locked, environ
from sagemaker_gitops.errors import TrainingFailed

SDK = Locked(name="SageMaker-SDK", lock="sagemaker.txt")
_PROGRAM = Path(__file__).with_name("sdk_program.py")
_TIMEOUT_SECONDS = 600
# The SDK reports each call to AWS unless its configuration says no.
_CONFIGURATION = "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"


def start(root: Path, request: Mapping[str, Any], surroundings: Mapping[str, str]) -> bool:
    """Start a job by a request to CreateTrainingJob; False when another run has just started it."""
    python = SDK.environment(root) / "bin" / "python"
    with tempfile.TemporaryDirectory() as scratch:
        configuration = Path(scratch) / "config.yaml"
        configuration.write_text(_CONFIGURATION)
        settings = {
            "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": str(configuration),
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(configuration),
            # It would ask IAM's policy simulator about a role that it does not use.
            "SAGEMAKER_VALIDATE_ROLE": "false",
        }
        done = subprocess.run(
            [str(python), str(_PROGRAM)],
            cwd=scratch,
            env={**environ(), **surroundings, **settings},
            input=json.dumps(dict(request)),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["it gave no reason"]
        raise TrainingFailed(
            f"the SageMaker SDK did not start {request['TrainingJobName']}: {lines[-1][:500]}",
            where="training.launcher = sdk",
            next_step='correct what it names, or take "launcher": "boto3", which needs no SDK',
        )
    return bool(json.loads(done.stdout)["started"])


def differences(asked: Mapping[str, Any], described: Mapping[str, Any]) -> list[str]:
    """Name what a job has otherwise than it was asked for: the SDK drops members that are 0 or False."""
    left_out = ("Tags",)  # DescribeTrainingJob does not tell them
    wanted = {name: value for name, value in asked.items() if name not in left_out}
    return sorted(_differing(wanted, described, ""))


def _differing(asked: Any, described: Any, path: str) -> list[str]:
    if isinstance(asked, Mapping):
        known = described if isinstance(described, Mapping) else {}
        return [item for key, value in asked.items() for item in _differing(value, known.get(key), f"{path}.{key}")]
    if isinstance(asked, list) and isinstance(described, list) and len(asked) == len(described):
        pairs = enumerate(zip(asked, described, strict=True))
        return [item for number, (one, other) in pairs for item in _differing(one, other, f"{path}[{number}]")]
    return [] if asked == described else [f"{path.lstrip('.')} is {described!r}, not {asked!r}"]
