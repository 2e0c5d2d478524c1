"""schema: every broken file is blamed at its line, and callers are protected from each other's changes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sagemaker_gitops.errors import Annotation, ConfigurationError, SchemaBroken
from sagemaker_gitops.project import schema_documents as documents
from sagemaker_gitops.project import spectral
from sagemaker_gitops.project.data_contract import check as check_data
from sagemaker_gitops.project.model_schema import Hyperparameters, ModelSchema, breaking
from sagemaker_gitops.stages import schema
from sagemaker_gitops.stages.schema import Options
from tests.engine.contract.conftest import write_api
from tests.sample import ROOT


@pytest.fixture(scope="session")
def spectral_installed() -> None:
    """Install Spectral once, in the project, as the first use does."""
    spectral.check(ROOT, "package.json")


@pytest.fixture(autouse=True)
def installed(committed: Path, spectral_installed: None) -> None:
    """Let each checkout use the project's Spectral."""
    (committed / "node_modules").symlink_to(ROOT / "node_modules")
    (committed / "package-lock.json").unlink()
    (committed / "package-lock.json").symlink_to(ROOT / "package-lock.json")


def refused(root: Path, base: str | None = None) -> SchemaBroken:
    """Run the stage and return its refusal."""
    with pytest.raises(SchemaBroken) as caught:
        schema.run(root, Options(base=base))
    return caught.value


def test_sound_project_passes(committed: Path) -> None:
    """Nothing is found in a valid project that changed nothing."""
    result = schema.run(committed, Options(base="base"))

    assert result.annotations == ()
    assert result.summary.count("✓") == 5


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "message"),
    [
        ("infra/config/prod.json", '"instance_count": 2', '"instance_count": 0', 5, "serving.instance_count"),
        ("infra/config/dev.json", '"capture_percent": 100', '"capture": 100', 6, "serving.capture"),
        ("model/config/schema.json", '"missing": "impute"', '"missing": "guess"', 10, "features.1.number.missing"),
        ("model/config/hyperparameters.json", '"150"', "150", 2, "n_estimators"),
        ("model/config/baseline.json", '{"minimum": 0.885', '{"minimun": 0.885', 3, "quality.accuracy"),
        ("model/config/baseline.json", "0.885", "0.885,", 3, "not valid JSON"),
    ],
)
def test_broken_file_is_blamed_at_its_line(
    committed: Path, file: str, old: str, new: str, line: int, message: str
) -> None:
    """A reviewer sees the remark where the mistake is."""
    path = committed / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))

    error = refused(committed)

    assert any((a.file, a.line) == (file, line) and message in a.message for a in error.annotations), error


def test_data_that_contradicts_the_schema_is_blamed_at_its_line(committed: Path) -> None:
    """One remark a column, at the first wrong value, with how many there are."""
    path = committed / "data/hmda.csv"
    lines = path.read_text().splitlines()
    for row in (3, 7):
        cells = lines[row].split(",")
        cells[2], cells[5] = "99", "good"
        lines[row] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")

    error = refused(committed)

    assert {(a.file, a.line) for a in error.annotations} == {("data/hmda.csv", 4)}
    assert any("pirat: 2 values contradict schema.json, the first is '99'" in a.message for a in error.annotations)


def test_data_beside_its_pointer_is_remarked(committed: Path) -> None:
    """Data that changed without its pointer passes, because fingerprints go by content, and is remarked."""
    path = committed / "data/hmda.csv"
    path.write_text(path.read_text() + "9001" + path.read_text().splitlines()[1].removeprefix("1") + "\n")

    result = schema.run(committed, Options())

    assert [(a.file, a.level) for a in result.annotations] == [("data/hmda.csv", "warning")]
    assert "data commit" in result.annotations[0].message


def test_data_without_a_column_is_refused(committed: Path) -> None:
    """A renamed column is named."""
    path = committed / "data/hmda.csv"
    path.write_text(path.read_text().replace("unemp", "unemployment", 1))

    assert "columns that schema.json declares are missing: unemp" in str(refused(committed))


def test_spectral_holds_the_api_against_the_ruleset(committed: Path, description: dict[str, Any]) -> None:
    """A rule of .spectral.yaml stops a description without SageMaker's routes, at the line of `paths`."""
    del description["paths"]["/ping"]
    write_api(committed, description)

    error = refused(committed)

    assert [a.message for a in error.annotations] == [
        "sagemaker-routes: The container answers GET /ping and POST /invocations."
    ]
    text = (committed / "model/inference/openapi.yml").read_text().splitlines()
    assert text[error.annotations[0].line - 1] == "paths:"


def test_missing_api_description_is_refused(committed: Path) -> None:
    """An API that nobody described cannot be checked, so it does not pass."""
    (committed / "model/inference/openapi.yml").unlink()

    assert "the API description is missing" in str(refused(committed))


def test_breaking_change_is_refused_and_blamed(
    committed_change: Callable[[dict[str, Any]], Path], description: dict[str, Any]
) -> None:
    """A caller's content type cannot vanish, and the remark stands in openapi.yml."""
    del description["paths"]["/invocations"]["post"]["requestBody"]["content"]["text/csv"]
    root = committed_change(description)

    error = refused(root, base="base")

    assert [a.file for a in error.annotations] == ["model/inference/openapi.yml"]
    assert "text/csv is no longer accepted" in error.annotations[0].message
    assert "raise the major version" in str(error)


def test_announced_break_is_let_through_as_a_notice(
    committed_change: Callable[[dict[str, Any]], Path], description: dict[str, Any]
) -> None:
    """A new major version is the announcement; reviewers still see what breaks."""
    del description["paths"]["/invocations"]["post"]["requestBody"]["content"]["text/csv"]
    description["info"]["version"] = "2.0.0"
    root = committed_change(description)

    result = schema.run(root, Options(base="base"))

    assert [a.level for a in result.annotations] == ["notice"]


REGRESSION = {
    "task": "regression",
    "target": "days",
    "id": "row",
    "features": [{"name": "age", "type": "number", "minimum": 0, "maximum": 120, "missing": "refuse"}],
}


def test_regression_needs_no_labels() -> None:
    """A number as target has no positive and no favourable value."""
    schema = ModelSchema.model_validate(REGRESSION)

    assert schema.columns == ("row", "days", "age")


THREE = {**REGRESSION, "task": "multiclass", "classes": ["red", "green", "blue"]}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({**REGRESSION, "task": "binary"}, "a binary task names negative"),
        ({**REGRESSION, "task": "binary", "negative": "no"}, "a binary task names positive"),
        ({**REGRESSION, "task": "binary", "negative": "no", "positive": "no"}, "values must differ"),
        ({**REGRESSION, "classes": ["a", "b", "c"]}, "a regression task has no classes"),
        ({**THREE, "positive": "red"}, "a multiclass task has no positive"),
        ({**THREE, "classes": ["red", "blue"]}, "three or more"),
        ({**THREE, "favourable": "black"}, "favourable must be one of"),
        ({**THREE, "protected": "sex"}, "favourable names the outcome"),
        ({**REGRESSION, "task": "classification"}, "'binary', 'multiclass' or 'regression'"),
    ],
)
def test_labels_that_do_not_fit_the_task_are_refused(document: dict[str, object], message: str) -> None:
    """What is missing, too much or contradicts itself is named."""
    with pytest.raises(ValidationError, match=message):
        ModelSchema.model_validate(document)


def test_protected_attribute_is_nobodys_duty() -> None:
    """Two classes and three do without one, and a regression may have one."""
    two = {**REGRESSION, "task": "binary", "negative": "no", "positive": "yes"}

    columns = [
        ModelSchema.model_validate(document).columns for document in (two, THREE, {**REGRESSION, "protected": "sex"})
    ]

    assert columns == [("row", "days", "age"), ("row", "days", "age"), ("row", "days", "sex", "age")]


def test_changed_classes_break_callers() -> None:
    """A caller that knows three labels does not know a fourth."""
    before, after = (
        ModelSchema.model_validate({**THREE, "classes": names}) for names in (["a", "b", "c"], ["a", "b", "d"])
    )

    assert [name for name, _ in breaking(before, after)] == ["classes"]


def test_target_of_a_regression_is_a_number(tmp_path: Path) -> None:
    """A word in the target column is blamed at its line."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text("row,days,age\n1,12.5,40\n2,soon,41\n")

    (found,) = check_data(tmp_path, ModelSchema.model_validate(REGRESSION))

    assert (found.line, "soon" in found.message) == (3, True)


def test_removed_feature_is_refused(committed: Path) -> None:
    """The breaking-change check reads schema.json too."""
    path = committed / "model/config/schema.json"
    content = json.loads(path.read_text())
    content["features"] = content["features"][:-1]
    path.write_text(json.dumps(content))

    error = refused(committed, base="base")

    assert "hschool: the feature was removed" in str(error)


def test_unknown_base_is_refused(committed: Path) -> None:
    """A shallow clone must not make the check pass unseen."""
    with pytest.raises(ConfigurationError, match="fetch-depth: 0"):
        schema.run(committed, Options(base="origin/main"))


def test_missing_node_explains_itself(committed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Node.js the message says what it is for and what to install."""
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ConfigurationError, match=r"node and npm not found: Spectral[\s\S]*install Node.js"):
        spectral.check(committed, "model/inference/openapi.yml")


def test_lock_pins_every_package_by_content_and_names_no_registry() -> None:
    """A company's own registry serves the same bytes."""
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}

    assert (
        packages["node_modules/@stoplight/spectral-cli"]["version"] in lock["packages"][""]["devDependencies"].values()
    )
    assert all("integrity" in entry or entry.get("inBundle") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())


def test_line_of_a_missing_key_is_its_nearest_ancestor() -> None:
    """A finding about something absent still points somewhere."""
    text = '{\n "a": {\n  "b": [\n   1\n  ]\n }\n}\n'

    places: tuple[documents.Location, ...] = (["a", "b", 0], ["a", "b", 9], ["a", "c"], ["z"])
    lines = [documents.line_of(text, place) for place in places]

    assert lines == [4, 3, 2, 1]


def test_finding_is_an_annotation_of_the_file(committed: Path) -> None:
    """A file that is gone is a finding like any other."""
    (committed / "infra/config/dev.json").unlink()

    remarks = documents.read(committed, "infra/config/dev.json", Hyperparameters).findings

    assert remarks == (Annotation(message=remarks[0].message, file="infra/config/dev.json"),)


def test_write_makes_the_description_that_is_missing(committed: Path) -> None:
    """A wider range contradicts the description of the modelkit's server, until `--write` has made it anew."""
    (committed / "model/inference/serve.py").write_text((ROOT / "model/inference/serve.py").read_text())
    shutil.copy2(ROOT / "model/inference/openapi.yml", committed / "model/inference/openapi.yml")
    path = committed / "model/config/schema.json"
    path.write_text(path.read_text().replace('"maximum": 5,', '"maximum": 6,'))

    error = refused(committed)
    result = schema.run(committed, Options(write=True))

    assert "pirat.maximum is 5, schema.json implies 6" in str(error)
    assert result.annotations == ()
    assert "maximum: 6" in (committed / "model/inference/openapi.yml").read_text()


@pytest.mark.parametrize("unknown", ["ignore", "refuse"])
@pytest.mark.parametrize(("missing", "finds"), [({"missing": "impute"}, 0), ({}, 1)])
def test_category_is_missing_where_schema_says_so(
    tmp_path: Path, unknown: str, missing: dict[str, str], finds: int
) -> None:
    """Training and server refuse an empty cell otherwise, whether further categories are allowed or not."""
    feature = {"name": "slope", "type": "category", "categories": ["north", "south"], "unknown": unknown, **missing}
    model = ModelSchema.model_validate({"task": "regression", "target": "price", "id": "n", "features": [feature]})
    (tmp_path / "data").mkdir()
    (tmp_path / "data/wine.csv").write_text("n,slope,price\n1,north,3\n2,,4\n")

    assert len(check_data(tmp_path, model)) == finds
