"""monitoring/alarms/*.json and monitoring/dashboard.json, filled in for one environment.

An alarm's file holds the parameters of PutMetricAlarm, which CloudFormation's resource calls by the same names;
`${…}` stands for what differs between environments.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Any, Literal

from sagemaker_gitops.errors import ConfigurationError

Scope = Literal["endpoint", "variant"]


def alarms(root: Path, scope: Scope, values: Mapping[str, str | float]) -> dict[str, dict[str, Any]]:
    """Return the parameters of every alarm of a scope, by its file's name.

    Values are EndpointName, P95LatencyMicroseconds and Runbook, and for the scope "variant" VariantName.
    """
    found = {}
    for path in sorted((root / "monitoring" / "alarms").glob("*.json")):
        document = _read(path)
        if document["Scope"] == scope:
            filled: dict[str, Any] = _filled(document["Alarm"], values, path)
            found[path.stem] = filled
    return found


def dashboard(root: Path, values: Mapping[str, str | float], releases: Sequence[tuple[datetime, str]] = ()) -> str:
    """Return the dashboard's body; each release becomes an annotation on every widget that shows time.

    Values are EndpointName, Region and P95LatencyMicroseconds.
    """
    path = root / "monitoring" / "dashboard.json"
    body = _filled(_read(path), values, path)
    marks = [{"label": label, "value": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"} for moment, label in releases]
    for widget in body["widgets"]:
        if marks and widget["properties"].get("view") == "timeSeries":
            widget["properties"].setdefault("annotations", {})["vertical"] = marks
    return json.dumps(body)


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError) as err:
        raise ConfigurationError(f"cannot be read: {err}", where=str(path), next_step="restore it from git") from err
    return content


def _filled(content: Any, values: Mapping[str, str | float], path: Path) -> Any:
    """Fill in placeholders; a text that is nothing but one takes the value with its type."""
    match content:
        case dict():
            return {key: _filled(item, values, path) for key, item in content.items()}
        case list():
            return [_filled(item, values, path) for item in content]
        case str():
            return _text(content, values, path)
        case _:
            return content


def _text(text: str, values: Mapping[str, str | float], path: Path) -> str | float:
    whole = text[2:-1] if text.startswith("${") and text.endswith("}") else ""
    try:
        return values[whole] if whole in values else Template(text).substitute(values)
    except (KeyError, ValueError) as err:
        raise ConfigurationError(
            f"nothing is known to fill in for {err}",
            where=str(path),
            next_step=f"use one of {', '.join(sorted(values))}",
        ) from err
