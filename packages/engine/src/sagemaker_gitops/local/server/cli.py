"""`local up|down|status|env|image|fault|stand-in`: the embedded AWS from the command line."""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.local.server import process
from sagemaker_gitops.local.server.context import FAULT_KINDS, Document, Place
from sagemaker_gitops.local.server.folder import Folder
from sagemaker_gitops.local.server.process import Options, Running, serve


@dataclass(frozen=True, kw_only=True)
class Project:
    """Name, registry account and region."""

    name: str
    account: str
    region: str


_ANY = Project(name="project", account="123456789012", region="us-east-1")
_ACCOUNT = re.compile(r"\d{12}")


def read_project(root: Path) -> Project:
    """Read infra/config/project.json; a folder without a rendered one gets an example account."""
    try:
        config = json.loads((root / "infra" / "config" / "project.json").read_text())
        project = Project(name=config["project"], account=config["registry_account"], region=config["region"])
    except (OSError, ValueError, KeyError):
        return _ANY
    return project if _ACCOUNT.fullmatch(project.account) else _ANY


_CLEAR, _KILL, _SHOW = "clear", "kill", "show"


def _add_fault_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("kind", choices=(*FAULT_KINDS, _KILL, _CLEAR, _SHOW))
    parser.add_argument("--rate", type=float, default=1.0, help="share of the calls it hits (default: %(default)s)")
    parser.add_argument("--operation", help="one operation only, such as UpdateEndpoint")
    parser.add_argument("--seconds", type=float, default=1.0, help="of `slow` and `stale` (default: %(default)s)")
    parser.add_argument("--endpoint", help="which endpoint's processes `kill` ends (default: all)")
    parser.add_argument("--variant", help="which variant's process `kill` ends (default: all)")


def send_fault(running: Running, arguments: argparse.Namespace) -> str:
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


def set_stand_in(running: Running, host: str, url: str) -> str:
    """Send the events for a host to a server on this machine; return which."""
    _send(running, "POST", "stand-ins", {"host": host, "url": url})
    return f"events for {host} go to {url}"


def _send(running: Running, method: str, path: str, document: Document | None) -> Document:
    import urllib3

    body = json.dumps(document) if document is not None else None
    answer = urllib3.request(method, f"{running.endpoint_url}/_local/{path}", body=body, retries=False, timeout=10)
    result: Document = answer.json()
    if answer.status != 200:
        raise ConfigurationError(str(result.get("message")), where=f"local {path}", next_step="pipeline local --help")
    return result


# Here nothing takes the minutes that AWS takes, so the pipeline need not wait 15 s between two looks.
_SHORT_POLLS = {"PIPELINE__AWS__POLL_SECONDS": "0.2"}
_TIME_SCALE = 60.0


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command as given."""

    arguments: argparse.Namespace
    folder: Folder
    root: Path


def main(argv: list[str], root: Path) -> int:
    """Run one command for the project at `root`; return the exit code."""
    arguments = parser(read_project(root)).parse_args(argv)
    command = Command(arguments=arguments, folder=Folder((root / arguments.state).resolve()), root=root)
    return int(arguments.run(command))


def parser(defaults: Project) -> argparse.ArgumentParser:
    """Describe every command; `defaults` fill in what is not given."""
    parser = argparse.ArgumentParser(prog="pipeline local", description=__doc__)
    parser.add_argument("--state", default=".local", help="state folder (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start the local AWS, or show it when it runs")
    up.add_argument("--foreground", action="store_true", help="stay in the foreground until Ctrl-C")
    up.add_argument("--port", type=int, default=0, help="port (default: a free one)")
    up.add_argument("--account", default=defaults.account, help="account of unknown keys (default: %(default)s)")
    up.add_argument("--region", default=defaults.region, help="region of `env` (default: %(default)s)")
    up.add_argument(
        "--time-scale",
        type=float,
        default=_TIME_SCALE,
        help="simulated seconds in a real one (default: %(default)s)",
    )
    up.set_defaults(run=_up)
    commands.add_parser("down", help="stop it and everything it started").set_defaults(run=_down)
    commands.add_parser("status", help="say whether it runs, and where").set_defaults(run=_status)
    env = commands.add_parser("env", help="print the exports that point AWS clients at it")
    who = env.add_mutually_exclusive_group()
    who.add_argument("--account", help="as a user of this account (default: the one that `up` was given)")
    who.add_argument("--role", help="as this role, by its ARN")
    env.set_defaults(run=_env)
    image = commands.add_parser("image", help="build the checkout's images and put their tags into the local ECR")
    image.add_argument("--docker", action="store_true", help="have Docker build and run them, not processes")
    image.add_argument(
        "--build-option",
        action="append",
        default=[],
        metavar="OPTION",
        help="give `docker build` an option, repeatable",
    )
    image.set_defaults(run=_image)
    fault = commands.add_parser("fault", help="inject faults: throttling, errors, slowness, failures, a killed process")
    _add_fault_arguments(fault)
    fault.set_defaults(run=_fault)
    stand_in = commands.add_parser("stand-in", help="send the events for a host to a server on this machine")
    stand_in.add_argument("host", help="host in the API destination's address, such as api.github.com")
    stand_in.add_argument("url", help="address of the server, such as http://127.0.0.1:8000")
    stand_in.set_defaults(run=_stand_in)
    demo = commands.add_parser("demo", help="run the whole loop: train, gate, register, deploy, roll back; then stop")
    demo.set_defaults(run=_demo, port=0, account=defaults.account, region=defaults.region, time_scale=_TIME_SCALE)
    return parser


def _up(command: Command) -> int:
    if command.arguments.foreground:
        return _foreground(command)
    _print_environment(process.start_server(_options(command), command.root).environment())
    return 0


def _foreground(command: Command) -> int:
    if running := process.find_server(command.folder):
        raise ConfigurationError(
            f"the local AWS runs already, at {running.endpoint_url}",
            where=str(command.folder.root),
            next_step="pipeline local down",
        )
    serve(_options(command))
    return 0


def _options(command: Command) -> Options:
    return Options(
        folder=command.folder,
        port=command.arguments.port,
        account=command.arguments.account,
        region=command.arguments.region,
        time_scale=command.arguments.time_scale,
    )


def _demo(command: Command) -> int:
    from sagemaker_gitops.local.demo import run as demo

    try:
        running = process.start_server(_options(command), command.root)
        report = demo.run(command.root, command.folder, running)
    finally:
        process.stop_server(command.folder)
    _say(f"report: {report}")
    return 0


def _down(command: Command) -> int:
    _say("stopped" if process.stop_server(command.folder) else "it was not running")
    return 0


def _status(command: Command) -> int:
    running = process.find_server(command.folder)
    if running is None:
        _say("not running")
        return 1
    _say(f"running at {running.endpoint_url}, account {running.account}, {running.region}, pid {running.pid}")
    return 0


def _env(command: Command) -> int:
    running, account, role = process.require_server(command.folder), command.arguments.account, command.arguments.role
    keys: dict[str, str] = {}
    if account or role:
        from sagemaker_gitops.local.server import credentials

        if account:
            keys = credentials.of_account(running, command.folder, account)
        else:
            keys = credentials.of_role(running.endpoint_url, role)
    _print_environment({**running.environment(), **keys})
    return 0


def _fault(command: Command) -> int:
    _say(send_fault(process.require_server(command.folder), command.arguments))
    return 0


def _stand_in(command: Command) -> int:
    running = process.require_server(command.folder)
    _say(set_stand_in(running, command.arguments.host, command.arguments.url))
    return 0


def _image(command: Command) -> int:
    from sagemaker_gitops.local.sagemaker import image_build
    from sagemaker_gitops.local.server.clients import Clients

    running = process.require_server(command.folder)
    project = read_project(command.root)
    place = Place(account=project.account, region=project.region)
    clients = Clients(running.endpoint_url, token="")
    recipe = image_build.Recipe(
        root=command.root,
        project=project.name,
        docker=command.arguments.docker,
        options=tuple(command.arguments.build_option),
    )
    for kind in image_build.KINDS:
        built = image_build.build(recipe, command.folder.images, kind)
        image_build.push(built, clients, place)
        _say(f"{built.repository}:{built.tag} {'built' if built.fresh else 'was built before'}")
    return 0


def _print_environment(environment: Mapping[str, str]) -> None:
    for name, value in {**environment, **_SHORT_POLLS}.items():
        _say(f"export {name}={value}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
