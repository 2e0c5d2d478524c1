"""`local fault` and `local stand-in`: what the world does to the embedded AWS, from the command line."""

import argparse
import json

from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.control import Running

_CALL_FAULTS = ("throttle", "5xx", "slow", "stale", "expired-credentials")
_STATE_FAULTS = ("endpoint-failed", "training-failed", "spot-interruption")
KINDS = (*_CALL_FAULTS, *_STATE_FAULTS)
_CLEAR, _KILL, _SHOW = "clear", "kill", "show"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("kind", choices=(*KINDS, _KILL, _CLEAR, _SHOW))
    parser.add_argument("--rate", type=float, default=1.0, help="share of the calls it hits (default: %(default)s)")
    parser.add_argument("--operation", help="one operation only, such as UpdateEndpoint")
    parser.add_argument("--seconds", type=float, default=1.0, help="of `slow` and `stale` (default: %(default)s)")
    parser.add_argument("--endpoint", help="which endpoint's processes `kill` ends (default: all)")
    parser.add_argument("--variant", help="which variant's process `kill` ends (default: all)")


def run(running: Running, arguments: argparse.Namespace) -> str:
    """Set the switch; return what is in force now."""
    if arguments.kind == _SHOW:
        return _shown(_send(running, "GET", "faults", None))
    if arguments.kind == _CLEAR:
        return _shown(_send(running, "DELETE", "faults", None))
    if arguments.kind == _KILL:
        where = {"endpoint": arguments.endpoint, "variant": arguments.variant}
        killed = _send(running, "POST", "kill", where)["killed"]
        return f"killed: {', '.join(killed) or 'nothing, no such process'}"
    names = ("kind", "rate", "operation", "seconds")
    return _shown(_send(running, "POST", "faults", {name: getattr(arguments, name) for name in names}))


def _shown(answer: Document) -> str:
    lines = [_line(fault) for fault in answer["faults"]]
    return "\n".join(lines) if lines else "no fault is in force"


def _line(fault: Document) -> str:
    where = fault["operation"] or "every operation"
    how = f", {fault['seconds']:g} s" if fault["kind"] in {"slow", "stale"} else ""
    return f"{fault['kind']}: {fault['rate']:.0%} of {where}{how}"


def name_stand_in(running: Running, host: str, url: str) -> str:
    """Have somebody on this machine play a host that events are sent to; return who plays what."""
    _send(running, "POST", "stand-ins", {"host": host, "url": url})
    return f"{host} is played by {url}"


def _send(running: Running, method: str, path: str, document: Document | None) -> Document:
    body = json.dumps(document) if document is not None else None
    import urllib3

    answer = urllib3.request(method, f"{running.endpoint_url}/_local/{path}", body=body, retries=False, timeout=10)
    told: Document = answer.json()
    if answer.status != 200:
        raise ConfigurationError(str(told.get("message")), where=f"local {path}", next_step="pipeline local --help")
    return told
