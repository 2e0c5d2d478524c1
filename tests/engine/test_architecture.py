"""The arrows of the design, drawn from the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]

# part -> the parts of this package that it may import
ARROWS = {
    "__main__": {"cli"},
    "cli": {
        *("aws", "commands", "config", "drift", "errors", "local"),
        *("release", "result", "runner", "settings", "stages"),
    },
    "commands": {
        *("ailment", "aws", "config", "errors", "git", "github"),
        *("recipe", "result", "runner", "settings", "stages"),
    },
    "stages": {
        "ailment",
        "artifact",
        "attestation",
        "aws",
        "cache",
        "comparison",
        "config",
        "contract",
        "cost",
        "datadiff",
        "docker",
        "drift",
        "dvc",
        "errors",
        "features",
        "fingerprint",
        "gates",
        "git",
        "hyperparameters",
        "github",
        "infrastructure",
        "linters",
        "pointers",
        "orchestration",
        "protection",
        "recipe",
        "rehearsal",
        "release",
        "releasecard",
        "releasing",
        "report",
        "result",
        "retraining",
        "sbom",
        "settings",
        "template",
        "tracking",
        "training",
        "tuning",
        "variants",
        "watching",
    },
    "tracking": {"aws", "cache", "experiments", "recipe", "result", "settings"},
    "experiments": {"errors", "locked"},
    "locked": {"errors"},
    "hyperparameters": {"documents", "errors"},
    "documents": {"errors"},
    "tuning": {"errors"},
    "training": {"aws", "documents", "errors", "fingerprint", "hyperparameters", "launcher", "recipe", "settings"},
    "launcher": {"errors", "locked"},
    "orchestration": {"documents"},
    "releasing": {"artifact", "aws", "release", "settings", "variants"},
    "variants": {"aws", "infrastructure", "release", "settings"},
    "releasecard": {"aws", "errors", "fingerprint", "report", "settings"},
    "watching": {"aws", "drift", "errors", "release", "releasing", "settings"},
    "release": {"errors"},
    "aws": {"errors"},
    "github": {"errors"},
    "contract": {"datadiff", "errors", "git", "result"},
    "protection": {"config", "github"},
    "sbom": {"errors", "fingerprint"},
    "git": {"errors"},
    "linters": {"errors", "result"},
    "drift": {"errors", "report"},
    "infrastructure": {"config", "cost", "errors", "features", "observability", "settings"},
    "features": {"errors"},
    "cost": {"settings"},
    "settings": {"config", "drift", "experiments", "fingerprint", "release", "retraining"},
    "config": {"documents", "drift", "errors", "experiments", "release", "retraining"},
    "retraining": set(),
    "runner": {"errors", "result"},
    "report": {"errors"},
    "comparison": {"artifact", "aws", "fingerprint", "gates", "rehearsal", "report"},
    "rehearsal": {"archives", "artifact", "errors", "fingerprint", "result"},
    "gates": {"errors", "result"},
    "observability": {"errors"},
    "archives": set(),
    "artifact": {"archives", "errors"},
    "attestation": {"errors"},
    "docker": {"errors"},
    "cache": {"artifact", "aws", "errors", "fingerprint", "settings"},
    "recipe": {"aws", "errors", "fingerprint", "settings"},
    "fingerprint": {"contents", "errors"},
    "contents": {"errors"},
    "datadiff": {"drift"},
    "dvc": {"errors", "locked"},
    "pointers": {"errors"},
    "template": {"errors"},
    "ailment": set(),
    "errors": {"result"},
    "result": set(),
}
BOTO3_OWNERS = {"aws", "local"}
# It runs in the SDK's environment, and only hands a request of `aws` on.
SDK_PROGRAM = PACKAGE / "launcher/program.py"


def modules() -> list[Path]:
    """List every module but the tests."""
    return sorted(path for path in PACKAGE.rglob("*.py") if "tests" not in path.relative_to(PACKAGE).parts)


def part(path: Path) -> str:
    """Name the part that a module belongs to: its folder, or its own name."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_module_imports_only_along_the_arrows(path: Path) -> None:
    """A module imports its own part and what the design lets its part see."""
    owner = part(path)
    allowed = ARROWS.get(owner, set()) | {owner}

    seen = {name.split(".")[1] for name in imports(path) if name.startswith("pipeline.")}

    assert owner in {"local", "__init__"} or seen <= allowed


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
        if name.startswith("pipeline.stages")
    ]

    assert crossing == []


def test_no_stage_knows_that_it_is_local() -> None:
    """The word that would betray a local branch stands in no stage, strategy or client."""
    telling = ("AWS_ENDPOINT_URL", "endpoint_url", "is_local", "127.0.0.1", "localhost")
    folders = ("stages", "release", "aws", "drift")

    found = [
        (path.name, word)
        for folder in folders
        for path in (PACKAGE / folder).rglob("*.py")
        for word in telling
        if word in path.read_text() and path.name != "session.py"
    ]

    assert found == []


def test_modules_stay_readable() -> None:
    """A module of 250 lines is the most that a reader takes in at once."""
    long = {path.name: lines for path in modules() if (lines := len(path.read_text().splitlines())) > 250}

    assert long == {}


def test_model_imports_nothing_of_the_pipeline() -> None:
    """Another model replaces model/ and touches nothing else."""
    model = PACKAGE.parent / "model"

    guilty = [path.name for path in model.rglob("*.py") if any(n.startswith("pipeline") for n in imports(path))]

    assert guilty == []
