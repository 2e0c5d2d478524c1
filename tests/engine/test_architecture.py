"""The arrows of the design, drawn from the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import sagemaker_gitops
import sagemaker_gitops_modelkit
from tests.sample import ROOT as SAMPLE

PACKAGE = Path(sagemaker_gitops.__file__).parent
MODELKIT = Path(sagemaker_gitops_modelkit.__file__).parent

# room -> exactly the rooms of this package that it imports
ARROWS = {
    "__main__": {"cli"},
    "cli": {"aws", "build", "errors", "github", "local", "project", "report", "stages"},
    "stages": {"aws", "build", "errors", "github", "monitor", "project", "release", "report", "stacks"},
    "local": {"build", "errors", "project", "report"},
    "monitor": {"aws", "errors", "project", "release", "report"},
    "release": {"aws", "build", "errors", "project", "stacks"},
    "build": {"aws", "errors", "project", "report"},
    "aws": {"client", "errors"},
    "github": {"errors", "project"},
    "stacks": {"errors", "project"},
    "report": set(),
    "project": {"errors"},
    "client": set(),
    "errors": set(),
}
MOST_ARROWS = 45
BOTO3_OWNERS = {"aws", "client", "local"}
# It runs in the SDK's environment, and only hands a request of `aws` on.
SDK_PROGRAM = PACKAGE / "build/sdk_program.py"
# The program that stands for a Lambda function's runtime: it imports the function's own code, in a process of its own.
BY_PATH = {("local/events/functions.py", "sys.path"), ("local/events/functions.py", "import_module")}
# What several stages share.
SHARED = {
    "sagemaker_gitops.stages.contract_review",
    "sagemaker_gitops.stages.cost_review",
    "sagemaker_gitops.stages.foundation",
    "sagemaker_gitops.stages.result",
}


def modules(package: Path = PACKAGE) -> list[Path]:
    """List every module of a package."""
    return sorted(package.rglob("*.py"))


def part(path: Path) -> str:
    """Name the room that a module belongs to: its folder, or its own name."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows() -> dict[str, set[str]]:
    """Draw which room imports which."""
    found: dict[str, set[str]] = {room: set() for room in ARROWS}
    for path in modules():
        seen = {name.split(".")[1] for name in imports(path) if name.startswith("sagemaker_gitops.")}
        found.setdefault(part(path), set()).update(seen - {part(path)})
    found.pop("__init__", None)
    return found


def reached(room: str, drawn: dict[str, set[str]]) -> set[str]:
    """Follow the arrows from a room to every other."""
    seen: set[str] = set()
    waiting = [*drawn[room]]
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting += drawn[name]
    return seen


def test_rooms_import_along_the_arrows() -> None:
    """The design's arrows are the code's, no more and no fewer."""
    assert arrows() == ARROWS
    assert sum(map(len, ARROWS.values())) <= MOST_ARROWS


@pytest.mark.parametrize("room", ARROWS)
def test_no_room_imports_itself_through_others(room: str) -> None:
    """The arrows go one way."""
    assert room not in reached(room, arrows())


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_only_aws_imports_boto3(path: Path) -> None:
    """No stage, strategy or statistic talks to AWS behind the back of `aws`."""
    clients = {name for name in imports(path) if name.split(".")[0] in {"boto3", "sagemaker"}}

    assert not clients or part(path) in BOTO3_OWNERS or path == SDK_PROGRAM


def test_stages_never_import_each_other() -> None:
    """A stage is understood on its own."""
    crossing = [
        (path.name, name)
        for path in (PACKAGE / "stages").glob("*.py")
        for name in imports(path)
        if name.startswith("sagemaker_gitops.stages") and not shared(name)
    ]

    assert crossing == []


def shared(name: str) -> bool:
    """Tell whether a dotted name is a module that several stages share, or lies in one."""
    return name in SHARED or name.rpartition(".")[0] in SHARED


def test_no_stage_knows_that_it_is_local() -> None:
    """The word that would betray a local branch stands in no stage, strategy or client."""
    telling = ("AWS_ENDPOINT_URL", "endpoint_url", "is_local", "127.0.0.1", "localhost")
    folders = ("stages", "release", "aws", "monitor")

    found = [
        (path.name, word)
        for folder in folders
        for path in (PACKAGE / folder).rglob("*.py")
        for word in telling
        if word in path.read_text() and path.name != "session.py"
    ]

    assert found == []


def test_modules_stay_readable() -> None:
    """A module of 300 lines is the most that a reader takes in at once."""
    both = [*modules(), *modules(MODELKIT)]

    long = {path.name: lines for path in both if (lines := len(path.read_text().splitlines())) > 300}

    assert long == {}


def test_modelkit_knows_neither_engine_nor_aws() -> None:
    """What runs inside the images stands alone."""
    guilty = [
        (path.name, name)
        for path in modules(MODELKIT)
        for name in imports(path)
        if name.split(".")[0] in {"boto3", "botocore", "sagemaker_gitops"}
    ]

    assert guilty == []


def test_model_imports_nothing_of_the_engine() -> None:
    """A team replaces its model without the engine, and an upgrade of the engine cannot break one."""
    model = sorted((SAMPLE / "model").rglob("*.py"))

    assert model
    assert [path.name for path in model if any(n.split(".")[0] == "sagemaker_gitops" for n in imports(path))] == []


def test_engine_imports_nothing_by_path() -> None:
    """A project's files are read and run, never imported."""
    ways = ("sys.path", "spec_from_file_location", "runpy", "import_module", "__import__", "site.addsitedir")

    found = {
        (path.relative_to(PACKAGE).as_posix(), word) for path in modules() for word in ways if word in path.read_text()
    }

    assert found == BY_PATH
