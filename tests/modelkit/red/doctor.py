"""Spoil a good model on purpose, and hold what comes out against the gates."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import onnx
from sagemaker_gitops_modelkit.gates.training import DATA, MODEL


def copy_model(model: Path, destination: Path) -> Path:
    """Copy a model's folder, to be spoilt."""
    shutil.copytree(model, destination)
    return destination


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Replace one file of a model and correct the manifest, as a faulty training job would."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def rewire(folder: Path, body: str) -> None:
    """Send the graph's answer through further nodes: `body` reads `good` and writes `probabilities`.

    The body is ONNX's own textual syntax.
    """
    model = onnx.load(folder / "model.onnx")
    for node in model.graph.node:
        node.output[:] = ["good" if name == "probabilities" else name for name in node.output]
        node.input[:] = ["good" if name == "probabilities" else name for name in node.input]
    function = onnx.parser.parse_graph(f"spoil (float[N,2] good) => (float[N,2] probabilities) {{ {body} }}")
    model.graph.node.extend(function.node)
    rewrite(folder, "model.onnx", model.SerializeToString())


def judge(
    gate: str,
    model: Path,
    *,
    data: Path = DATA,
    champion: Path | None = None,
    parent: Path | None = None,
    further: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run one gate's file as the test stage does; return the exit code and the marks it recorded."""
    report = model.parent / f"{gate}.xml"
    environment = {"MODEL_DIR": str(model), "DATA_DIR": str(data), "OMP_NUM_THREADS": "1", **(further or {})}
    if champion:
        environment["CHAMPION_DIR"] = str(champion)
    if parent:
        environment |= {"PARENT_DIR": str(parent), "PARENT_DATA_DIR": str(DATA)}
    file = f"model/tests/{gate}.py"
    code = _pytest([file, f"--junitxml={report}"], environment)
    cases = ElementTree.parse(report).getroot()  # noqa: S314 - our own subprocess wrote it
    properties = cases.iter("property")
    marks = [json.loads(item.attrib["value"]) for item in properties if item.attrib["name"] == "mark"]
    return code, {f"{mark['gate']}.{mark['name']}": mark for mark in marks}


def _pytest(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command, cwd=MODEL.parent, env=dict(environment), capture_output=True, timeout=300, check=False
    )
    return done.returncode


def missed(marks: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return the names of the marks whose limit was broken."""
    return {
        name
        for name, mark in marks.items()
        if not mark.get("minimum", float("-inf")) <= mark["value"] <= mark.get("maximum", float("inf"))
    }
