"""Each task, on data and by learners that nobody tuned: trained, proven, gated and served by the same code."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sagemaker_gitops_modelkit.gates import payloads, server
from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.training.data import features
from tests.modelkit.foreign import Foreign, breast_cancer, diabetes, wine
from tests.sample import ROOT

# What a project writes: the learner, and nothing else.
TRAIN = """
import sys
from preprocessing import columns
from sagemaker_gitops_modelkit.training import Hyperparameters, Learner, main
{imports}
from sklearn.pipeline import Pipeline

def build(schema, hyperparameters):
    return Pipeline([("columns", columns(schema)), ("any name", {learner})])

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Learner(hyperparameters=Hyperparameters, pipeline=build)))
"""
ROBUSTNESS = {
    "invalid_answers": {"maximum": 0},
    "row_order_max_difference": {"maximum": 0.001},
    "batch_size_max_difference": {"maximum": 0.001},
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A data set, the learner's line in train.py, and the marks of a first model."""

    data: Foreign
    imports: str
    learner: str
    quality: Mapping[str, Any]
    bias: Mapping[str, Any]


CASES = {
    "multiclass": Case(
        data=wine(),
        imports="from sklearn.ensemble import RandomForestClassifier",
        learner="RandomForestClassifier(60, random_state=hyperparameters.seed)",
        quality={
            "macro_f1": {"minimum": 0.85},
            "weighted_f1": {"minimum": 0.85},
            "log_loss": {"maximum": 0.5},
            "worst_class_recall": {"minimum": 0.7},
        },
        bias={"disparate_impact_ratio": {"minimum": 0.01}, "smallest_group_rows": {"minimum": 10}},
    ),
    "regression": Case(
        data=diabetes(),
        imports="from sklearn.linear_model import Ridge",
        learner="Ridge(2.5)",
        quality={"mae": {"maximum": 50}, "rmse": {"maximum": 62}, "r2": {"minimum": 0.35}},
        bias={},
    ),
    "binary": Case(
        data=breast_cancer(),
        imports="from sklearn.ensemble import HistGradientBoostingClassifier",
        learner="HistGradientBoostingClassifier(max_iter=30, random_state=hyperparameters.seed)",
        quality={"roc_auc": {"minimum": 0.95}, "brier": {"maximum": 0.1}},
        bias={},
    ),
}


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project on a disk, and the model that it trained."""

    root: Path
    case: Case

    @property
    def model(self) -> Candidate:
        """The trained model."""
        return Candidate(self.root / "ml/model")

    def run(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run Python in the project."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.root,
            env={**os.environ, "PROJECT_ROOT": str(self.root), **environment},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def gates(self, *names: str) -> "subprocess.CompletedProcess[str]":
        """Run gates as the stage does, but for those that a word of `openapi.yml` or a busy machine decides."""
        files = [f"model/tests/test_{name}.py" for name in names]
        plugin = ("-p", "sagemaker_gitops_modelkit.gates.fixtures", "-p", "no:cacheprovider", "-c", os.devnull)
        folders = {"MODEL_DIR": str(self.root / "ml/model"), "DATA_DIR": str(self.root / "data")}
        return self.run("-m", "pytest", "-q", "-rs", "--rootdir", str(self.root), *plugin, *files, **folders)


@pytest.fixture(scope="module", params=CASES)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Write a project of the case's own, and train its model."""
    case, root = CASES[request.param], tmp_path_factory.mktemp(request.param)
    case.data.write(root / "data")
    documents = {
        "schema.json": case.data.document,
        "baseline.json": {"quality": case.quality, "bias": case.bias, "robustness": ROBUSTNESS, **_same()},
        "hyperparameters.json": {"seed": "3"} | ({"threshold": "0.4"} if request.param == "binary" else {}),
    }
    for name in ("model/config", "model/train", "ml/input/config"):
        (root / name).mkdir(parents=True)
    for name, document in documents.items():
        (root / "model/config" / name).write_text(json.dumps(document), encoding="utf-8")
    (root / "model/tests").symlink_to(ROOT / "model/tests")
    (root / "model/inference").symlink_to(ROOT / "model/inference")
    (root / "model/train/preprocessing.py").symlink_to(ROOT / "model/train/preprocessing.py")
    text = TRAIN.format(imports=case.imports, learner=case.learner)
    (root / "model/train/train.py").write_text(text, encoding="utf-8")
    (root / "ml/input/config/hyperparameters.json").symlink_to(root / "model/config/hyperparameters.json")
    case.data.write(root / "ml/input/data/training")
    made = Project(root=root, case=case)
    job = made.run("model/train/train.py", "train", SM_ML_ROOT=str(root / "ml"))
    assert job.returncode == 0, job.stderr
    return made


def _same() -> dict[str, Any]:
    return {"artefact": {"metrics_max_difference": {"maximum": 1e-6}}}


def test_job_measures_what_its_task_asks(project: Project) -> None:
    """metrics.json has the task's own figures, all of them reached, and says how many edges were probed."""
    metrics = project.model.read("metrics.json")

    assert set(project.case.quality) <= set(metrics["overall"])
    assert metrics["parity"]["max_abs_difference"] <= metrics["parity"]["tolerance"]
    assert (metrics["parity"]["edges"] > 0) is ("Ridge" not in project.case.learner)
    assert bool(metrics["groups"]) is bool(project.case.data.schema.protected) is bool(metrics["bias"])
    assert ("threshold" in metrics) is (project.case.data.schema.task == "binary")


def test_gates_of_the_template_judge_it(project: Project) -> None:
    """Quality, robustness, fairness and the artefact, by the files that every project starts with."""
    judged = project.gates("model_quality", "robustness", "bias", "artefact")

    assert judged.returncode == 0, judged.stdout
    not_asked = "not asked: schema.json names no protected attribute" in judged.stdout
    assert not_asked is not bool(project.case.data.schema.protected)


def test_missed_mark_stops_it(project: Project) -> None:
    """A limit that the model cannot reach fails the gate, in the direction that the figure has."""
    path = project.root / "model/config/baseline.json"
    before = path.read_text(encoding="utf-8")
    baseline = json.loads(before)
    for limit in baseline["quality"].values():
        limit.update({"minimum": 0.9999} if "minimum" in limit else {"maximum": 0.0001})
    path.write_text(json.dumps(baseline), encoding="utf-8")

    judged = project.gates("model_quality")
    path.write_text(before, encoding="utf-8")

    assert judged.returncode == 1
    assert f"{len(baseline['quality'])} failed" in judged.stdout


def test_server_answers_in_the_form_of_the_task(project: Project, tmp_path: Path) -> None:
    """Each row gets what the graph gives: in JSON by name, in CSV in the schema's order."""
    schema, model = project.case.data.schema, project.model
    rows = payloads.instances(project.root / "data", schema, 40)
    table = features(project.case.data.split.test, schema)
    held_out: list[Any] = table.astype(object).where(table.notna(), None).to_dict("records")
    one = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    with server.running(model.folder, tmp_path, **one) as running, running.caller() as caller:
        named = caller.invoke(payloads.json_rows(rows))
        plain = caller.invoke(payloads.csv_rows(rows, header=False), "text/csv", Accept="text/csv")
        many = caller.invoke(payloads.json_rows(held_out))

    assert (named.status, plain.status, many.status) == (200, 200, 200), named.body
    answers = [_figures(item, schema.classes) for item in many.json["predictions"]]
    assert np.abs(np.array(answers) - model.answers(table)).max() <= 1e-6 * max(1.0, np.abs(answers).max())
    labels = [item.get("label") for item in many.json["predictions"]]
    if schema.classes:
        assert labels == [schema.classes[place] for place in model.label(table)]
    else:
        assert set(map(frozenset, many.json["predictions"])) == {frozenset({"value"})}
    assert len(plain.body.splitlines()) == len(named.json["predictions"]) == 40


def _figures(prediction: Mapping[str, Any], classes: tuple[str, ...]) -> Any:
    if "probabilities" in prediction:
        return [prediction["probabilities"][name] for name in classes]
    return prediction.get("value", prediction.get("probability"))
