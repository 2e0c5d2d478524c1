"""Another model in another domain reaches prod, and only model/ and data/ are other files."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.bake import ROOT, TEMPLATE, bake, commit, tracked
from tests.commands import make, newcomer

pytestmark = pytest.mark.acceptance
EXAMPLE = ROOT / "tests/examples/diabetes"
# Laid over it: the same regression by a model that ONNX cannot express.
SEALED = ROOT / "tests/examples/splines"
# What the example brings itself; Dockerfiles, entry points and locked requirements stay the project's.
REPLACED = ("model/train/*.py", "model/inference/*.py", "model/inference/openapi.yml", "data/*")
LEFT_OUT = shutil.ignore_patterns(".venv", ".local", "__pycache__", "node_modules", ".*_cache")
PATIENT = {
    "age": 59,
    "sex": "2",
    "bmi": 32.1,
    "bp": 101,
    "s1": 157,
    "s2": 93.2,
    "s3": 38,
    "s4": 4,
    "s5": 4.86,
    "s6": 87,
}
ASK = """
import json, sys, boto3
runtime = boto3.client("sagemaker-runtime")
answer = runtime.invoke_endpoint(EndpointName=sys.argv[1], ContentType="application/json", Body=sys.argv[2])
print(answer["Body"].read().decode())
"""

# Change the stored model; then store one of a type nobody trusts under a manifest that fits it.
TAMPER = """
import hashlib, io, json, pathlib, sys, tarfile, boto3
uri, code, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
sys.path.insert(0, code)
import skops.io
from regression import Regression
class Stranger:
    pass
bucket, _, key = uri.removeprefix("s3://").partition("/")
content = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
tarfile.open(fileobj=io.BytesIO(content)).extractall(folder)
Regression(folder)
strange = skops.io.dumps(Stranger())
for changed in (b"another", strange):
    (folder / "model.skops").write_bytes(changed)
    try:
        Regression(folder)
    except SystemExit as refused:
        print(refused)
    except Exception as refused:
        print(type(refused).__name__)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["model.skops"] = hashlib.sha256(strange).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
"""


@dataclass(frozen=True, kw_only=True)
class Laptop:
    """A project, the interpreter that has its dependencies, and the variables that point at an AWS."""

    root: Path
    python: Path
    environ: Mapping[str, str]

    def run(self, *words: str) -> str:
        """Run Python with these words to a good end; return what it printed."""
        done = subprocess.run(
            [self.python, *words],
            cwd=self.root,
            env={**newcomer(), "UV_SYSTEM_CERTS": "1", **self.environ},
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def stage(self, *words: str) -> dict[str, str]:
        """Run a stage; return its outputs."""
        told: dict[str, dict[str, str]] = json.loads(self.run("-m", "sagemaker_gitops", "--json", *words))
        return told["outputs"]


@pytest.fixture(scope="module")
def other(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bake a project, commit it, and put the example into it."""
    scratch = tmp_path_factory.mktemp("other")
    root = bake(template, scratch / "diabetes-progress", {}, scratch)
    commit(root)
    shutil.rmtree(root / "model/tests")
    for pattern in REPLACED:
        for path in root.glob(pattern):
            path.unlink()
    shutil.copytree(EXAMPLE, root, dirs_exist_ok=True, ignore=LEFT_OUT)
    return root


@pytest.fixture(scope="module")
def laptop(other: Path, project_python: Path) -> Iterator[Laptop]:
    """Open the example on a laptop."""
    with opened(other, project_python) as ready:
        yield ready


@contextmanager
def opened(root: Path, python: Path) -> Iterator[Laptop]:
    """Start an AWS with a project's stacks and images; stop it afterwards."""
    bare = Laptop(root=root, python=python, environ={})
    exports = [line.removeprefix("export ") for line in bare.run("-m", "sagemaker_gitops", "local", "up").splitlines()]
    environ = {"PIPELINE__AWS__POLL_SECONDS": "0.2"} | dict(line.split("=", 1) for line in exports)
    try:
        ready = Laptop(root=root, python=python, environ=environ)
        for env in ("dev", "staging", "prod"):
            ready.stage("bootstrap", "aws", "--env", env, "--yes")
        ready.run("-m", "sagemaker_gitops", "local", "image")
        yield ready
    finally:
        bare.run("-m", "sagemaker_gitops", "local", "down")


def test_only_model_and_data_change(other: Path) -> None:
    """Git sees changes in model/ and data/, and nowhere else."""
    status = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"], cwd=other, capture_output=True, text=True, check=True
    ).stdout.splitlines()

    changed = [line[3:] for line in status]

    assert changed
    assert [name for name in changed if not name.startswith(("model/", "data/"))] == []


def test_document_lists_what_the_example_brings() -> None:
    """docs/howto/own-model.md names each file with its lines, and no other."""
    text = (ROOT / TEMPLATE / "docs/howto/own-model.md").read_text(encoding="utf-8")
    brought = {
        name.removeprefix("tests/examples/diabetes/"): len((ROOT / name).read_text(encoding="utf-8").splitlines())
        for name in tracked(ROOT, "tests/examples/diabetes")
    }

    told = dict(re.findall(r"^\| `([^`]+)` \| (\d+) \|$", text, flags=re.MULTILINE))

    assert {name: int(lines) for name, lines in told.items()} == brought


def test_regression_passes_the_check_of_pull_requests(laptop: Laptop) -> None:
    """Schema, data and API description are as sound as the sample's, and the rehearsal tells what the model is."""
    assert "✗" not in laptop.run("-m", "sagemaker_gitops", "schema")
    assert "passes all 3 thresholds" in laptop.run("-m", "sagemaker_gitops", "rehearse")


def test_regression_reaches_prod(laptop: Laptop) -> None:
    """Train, gates, registry, three environments and an approval, then a prediction over HTTP."""
    for stage in ("train", "test"):
        laptop.stage(stage, "--env", "dev")
    version = laptop.stage("register", "--env", "dev")["version"]
    laptop.stage("deploy", "--env", "dev", "--version", version)
    laptop.stage("deploy", "--env", "staging", "--version", version)
    laptop.stage("approve", "--env", "prod", "--version", version, "--reason", "the gates are green")
    laptop.stage("deploy", "--env", "prod", "--version", version)
    laptop.stage("verify", "--env", "prod", "--version", version)

    endpoint = f"{laptop.root.name}-prod"
    answer = json.loads(laptop.run("-c", ASK, endpoint, json.dumps({"instances": [PATIENT]})))

    assert answer["model_version"] == version
    assert 25 < answer["predictions"][0]["value"] < 346
    card = json.loads(
        (laptop.root / laptop.stage("card", "--env", "prod", "--version", version)["card_json"]).read_text()
    )
    assert "diabetes" in card["intended_uses"]["purpose_of_model"]


def test_demo_tells_the_story_of_another_model(other: Path, project_python: Path, tmp_path: Path) -> None:
    """`make demo` releases, drifts and rolls back a regression too: what callers send comes from its own data."""
    root = Path(shutil.copytree(other, tmp_path / other.name, ignore=LEFT_OUT))

    told = Laptop(root=root, python=project_python, environ={}).run("-m", "sagemaker_gitops", "local", "demo")

    assert "age in another unit" in (root / "reports/demo.html").read_text(encoding="utf-8")
    assert re.search(r"monitor prod .*checks are violated: age", told), told
    assert "none lost" in told
    assert "pirat" not in told


@pytest.fixture(scope="module")
def sealed(other: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do what docs/howto/own-model.md says about skops: its dependency, the locks, the environment, two files."""
    root = Path(shutil.copytree(other, tmp_path_factory.mktemp("sealed") / other.name, ignore=LEFT_OUT))
    path = root / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    for group, more in {"train": '"skops", ', "inference": '"pandas", "scikit-learn", "skops", '}.items():
        assert f"\n{group} = [" in text
        text = text.replace(f"\n{group} = [", f"\n{group} = [{more}")
    path.write_text(text, encoding="utf-8")
    shutil.copytree(SEALED, root, dirs_exist_ok=True, ignore=LEFT_OUT)
    for word in ("lock", "setup"):
        done = make(word, folder=root)
        assert done.returncode == 0, done.stdout
    return root


def test_model_without_onnx_is_served_sealed(sealed: Path) -> None:
    """A model of splines is trained, gated, released and asked; the images got what the locks say."""
    with opened(sealed, sealed / ".venv/bin/python") as laptop:
        model = laptop.stage("train", "--env", "dev")["model_data"]
        laptop.stage("test", "--env", "dev")
        version = laptop.stage("register", "--env", "dev")["version"]
        laptop.stage("deploy", "--env", "dev", "--version", version)
        answer = json.loads(laptop.run("-c", ASK, f"{sealed.name}-dev", json.dumps({"instances": [PATIENT]})))
        refusals = laptop.run("-c", TAMPER, model, str(sealed / "model/inference"), str(sealed / "unpacked"))

    assert 25 < answer["predictions"][0]["value"] < 346
    assert refusals.splitlines() == [
        "model.skops is not the file that the manifest names",
        "UntrustedTypesFoundException",
    ]
    for image in ("train", "inference"):
        assert "\nskops==" in (sealed / f"model/{image}/requirements.txt").read_text(encoding="utf-8")
