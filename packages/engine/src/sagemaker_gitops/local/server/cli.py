"""`local up|down|status|env|image|fault|stand-in`: the embedded AWS from the command line."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.local.server import control, switch_command
from sagemaker_gitops.local.server.folder import Folder
from sagemaker_gitops.local.server.process import Options, serve
from sagemaker_gitops.local.server.project import Project, read

# Here nothing takes the minutes that AWS takes, so the pipeline need not wait 15 s between two looks.
_IMPATIENT = {"PIPELINE__AWS__POLL_SECONDS": "0.2"}
_TIME_SCALE = 60.0


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command as given."""

    arguments: argparse.Namespace
    folder: Folder
    root: Path


def main(argv: list[str], root: Path) -> int:
    """Run one command for the project at `root`; return the exit code."""
    arguments = parser(read(root)).parse_args(argv)
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
    switch_command.add_arguments(fault)
    fault.set_defaults(run=_fault)
    stand_in = commands.add_parser("stand-in", help="say who on this machine plays a host that events are sent to")
    stand_in.add_argument("host", help="as in the API destination's address, such as api.github.com")
    stand_in.add_argument("url", help="such as http://127.0.0.1:8000")
    stand_in.set_defaults(run=_stand_in)
    demo = commands.add_parser("demo", help="run the whole loop: train, gate, register, deploy, roll back; then stop")
    demo.set_defaults(run=_demo, port=0, account=defaults.account, region=defaults.region, time_scale=_TIME_SCALE)
    return parser


def _up(command: Command) -> int:
    if command.arguments.foreground:
        return _foreground(command)
    _print_environment(control.up(_options(command), command.root).environment())
    return 0


def _foreground(command: Command) -> int:
    if running := control.find(command.folder):
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
        running = control.up(_options(command), command.root)
        report = demo.run(command.root, command.folder, running)
    finally:
        control.down(command.folder)
    _say(f"report: {report}")
    return 0


def _down(command: Command) -> int:
    _say("stopped" if control.down(command.folder) else "it was not running")
    return 0


def _status(command: Command) -> int:
    running = control.find(command.folder)
    if running is None:
        _say("not running")
        return 1
    _say(f"running at {running.endpoint_url}, account {running.account}, {running.region}, pid {running.pid}")
    return 0


def _env(command: Command) -> int:
    running, account, role = control.require(command.folder), command.arguments.account, command.arguments.role
    who: dict[str, str] = {}
    if account or role:
        from sagemaker_gitops.local.server import credentials

        who = (
            credentials.of_account(running, command.folder, account) if account else credentials.of_role(running, role)
        )
    _print_environment({**running.environment(), **who})
    return 0


def _fault(command: Command) -> int:
    _say(switch_command.run(control.require(command.folder), command.arguments))
    return 0


def _stand_in(command: Command) -> int:
    running = control.require(command.folder)
    _say(switch_command.name_stand_in(running, command.arguments.host, command.arguments.url))
    return 0


def _image(command: Command) -> int:
    from sagemaker_gitops.local.sagemaker import image_build
    from sagemaker_gitops.local.server.clients import Clients
    from sagemaker_gitops.local.server.context import Place

    running = control.require(command.folder)
    project = read(command.root)
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
    for name, value in {**environment, **_IMPATIENT}.items():
        _say(f"export {name}={value}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
