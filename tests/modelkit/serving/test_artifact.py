"""Model folders that were tampered with: the server refuses to start, and says why."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import TensorProto, helper
from sagemaker_gitops_modelkit.gates.server import SERVE
from sagemaker_gitops_modelkit.serving.artifact import ArtifactRefused, read_artifact
from sagemaker_gitops_modelkit.serving.predictor import ModelRefused, Predictor
from sagemaker_gitops_modelkit.serving.schema import SchemaInvalid, parse_schema

MAX_BYTES = 10_000_000

Tamper = Callable[[Path], None]


@pytest.fixture
def folder(model_dir: Path, tmp_path: Path) -> Path:
    """Return a copy of a good model folder."""
    return Path(shutil.copytree(model_dir, tmp_path / "model"))


def seal(folder: Path, **extra: str) -> None:
    """Write the manifest anew, as someone would who controls the whole archive."""
    names = [path.name for path in folder.iterdir() if path.is_file() and path.name != "manifest.json"]
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    (folder / "manifest.json").write_text(json.dumps({"files": files | extra}), encoding="utf-8")


def _append(folder: Path) -> None:
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"\0")


def _link(folder: Path) -> None:
    (folder / "model.onnx").rename(folder.parent / "elsewhere.onnx")
    (folder / "model.onnx").symlink_to(folder.parent / "elsewhere.onnx")


def _pipe(folder: Path) -> None:
    (folder / "schema.json").unlink()
    os.mkfifo(folder / "schema.json")


def _oversize(folder: Path) -> None:
    with (folder / "model.onnx").open("r+b") as file:
        file.truncate(MAX_BYTES + 1)


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (_append, "model.onnx has sha256"),
        (_link, "Too many levels of symbolic links"),
        (_pipe, "not a regular file"),
        (_oversize, "more than"),
        (lambda folder: (folder / "schema.json").unlink(), "No such file"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "not a manifest"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff"), "not a manifest"),
        (lambda folder: (folder / "manifest.json").write_text('{"files": {}}'), "does not cover model.onnx"),
        (lambda folder: seal(folder, **{"../../etc/passwd": "0" * 64}), "not a plain file name"),
        (lambda folder: seal(folder, **{"/etc/passwd": "0" * 64}), "not a plain file name"),
        (lambda folder: seal(folder, **{"..": "0" * 64}), "not a plain file name"),
        (lambda folder: seal(folder, **{"nul\0": "0" * 64}), "not a plain file name"),
    ],
)
def test_tampered_folder_is_refused(tamper: Tamper, reason: str, folder: Path) -> None:
    """Nothing is loaded but regular files of the folder, with the bytes that the manifest names."""
    tamper(folder)

    with pytest.raises(ArtifactRefused, match=reason):
        read_artifact(folder, max_bytes=MAX_BYTES)


def test_untouched_folder_is_read(folder: Path) -> None:
    """What training wrote is accepted."""
    contents = read_artifact(folder, max_bytes=MAX_BYTES)

    assert set(contents) == {"model.onnx", "schema.json"}


def _graph(inputs: list[str], shape: list[int], *, external: bool = False) -> bytes:
    """Return a model that answers a constant made from a tensor of any claimed shape."""
    claimed = helper.make_tensor("claimed", TensorProto.FLOAT, [1], [1.0])
    if external:
        claimed.ClearField("float_data")
        claimed.data_location = TensorProto.EXTERNAL
        claimed.external_data.add(key="location", value="../../../../../etc/passwd")
    nodes = [
        helper.make_node(
            "Constant", [], ["shape"], value=helper.make_tensor("s", TensorProto.INT64, [len(shape)], shape)
        ),
        helper.make_node("Expand", ["claimed", "shape"], ["probabilities"]),
    ]
    values = [helper.make_tensor_value_info("columns of schema.json", TensorProto.FLOAT, [None, len(inputs)])]
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "bomb", values, [output], [claimed])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, {"columns": json.dumps([{"name": name} for name in inputs])})
    written: bytes = model.SerializeToString()
    return written


SCHEMA = parse_schema(
    b'{"target": "t", "positive": "yes", "features": [{"name": "x", "type": "number", "minimum": 0, "maximum": 1}]}'
)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (b"", "does not load"),
        (b"not protobuf" * 100, "does not load"),
        (_graph(["x"], [2, 2], external=True), "does not load"),
        (_graph(["y"], [2, 2]), "disagree about inputs: the graph's columns are"),
        (_graph(["x", "y"], [2, 2]), "disagree about inputs"),
        (_graph(["x"], [3, 7]), "fails its self-test"),
        (_graph(["x"], [2**40, 2**20]), "fails its self-test|does not load"),
    ],
    ids=["empty", "garbage", "external data", "other input", "more inputs", "wrong shape", "oversized tensor"],
)
def test_model_that_cannot_answer_is_refused(model: bytes, reason: str) -> None:
    """A manifest that fits does not make a model that may serve."""
    with pytest.raises(ModelRefused, match=reason):
        Predictor(model, SCHEMA)


@pytest.mark.parametrize(
    "schema",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"target": "t", "positive": "yes", "features": []}',
        b'{"target": "t", "positive": "yes", "features": [{"name": "x", "type": "image"}]}',
        b'{"target": "t", "positive": "yes", "features": [{"name": "x", "type": "category"}]}',
        b'{"target": "t", "positive": "yes", "threshold": 7, "features": [{"name": "x", "type": "number"}]}',
        b'{"target": "t", "positive": "y", "features": [%s]}' % b", ".join([b'{"name": "x", "type": "number"}'] * 2),
    ],
)
def test_schema_that_describes_no_model_is_refused(schema: bytes) -> None:
    """The schema is judged before any request is."""
    with pytest.raises(SchemaInvalid):
        parse_schema(schema)


def test_refused_model_ends_the_process(folder: Path) -> None:
    """Exit code 1 and one line that names the file: the endpoint fails instead of serving something else."""
    _append(folder)

    done = subprocess.run(
        [sys.executable, str(SERVE), "serve"],
        env={**os.environ, "SM_ML_ROOT": str(folder.parent), "SAGEMAKER_MODEL_SERVER_WORKERS": "2"},
        capture_output=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert "model.onnx" in json.loads(done.stdout)["reason"]
    assert done.stderr == b""


def test_other_command_is_refused() -> None:
    """SageMaker says `serve`; anything else is a mistake."""
    done = subprocess.run([sys.executable, str(SERVE), "train"], capture_output=True, timeout=30, check=False)

    assert done.returncode == 2
    assert b"usage" in done.stderr
