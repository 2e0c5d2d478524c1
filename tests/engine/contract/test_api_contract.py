"""openapi.yml follows schema.json: written from it, and each contradiction found."""

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from sagemaker_gitops.project import api_contract, api_text
from sagemaker_gitops.project.api_description import describe
from sagemaker_gitops.project.api_differences import differences
from sagemaker_gitops.project.model_schema import ModelSchema
from tests.sample import ROOT

API = "model/inference/openapi.yml"
NUMBER = {"name": "od280/od315", "type": "number", "minimum": 0.5, "maximum": 4, "missing": "impute"}
CATEGORY = {"name": "Row", "type": "category", "categories": ["no", "yes"], "unknown": "refuse"}
OPEN = {"name": "title", "type": "category", "categories": ["Dr."], "unknown": "ignore"}
AROUND = {"id": "number", "features": [NUMBER, CATEGORY, OPEN]}
TASKS: dict[str, dict[str, Any]] = {
    "binary": {"target": "kept", "negative": "no", "positive": "yes"},
    "multiclass": {"task": "multiclass", "target": "cultivar", "classes": ["a", "b", "c"]},
    "regression": {"task": "regression", "target": "price"},
}
Edit = Callable[[dict[str, Any]], object]


def model(task: str, **changes: object) -> ModelSchema:
    """Return a schema of three odd features."""
    return ModelSchema.model_validate({**TASKS[task], **AROUND, **changes})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return what the description is made of and held against, from the sample."""
    for name in ("model/config/schema.json", API, api_contract.SERVER, "infra/config/project.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def of_sample(project: Path) -> ModelSchema:
    """Read the sample's schema."""
    return ModelSchema.model_validate_json((project / "model/config/schema.json").read_text(encoding="utf-8"))


def test_description_of_the_sample_is_what_write_makes(project: Path) -> None:
    """Whoever runs it in a fresh project sees no change, words of people included."""
    assert api_contract.make(project, of_sample(project)) == (project / API).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("task", "answered"),
    [("binary", ["label", "probability"]), ("multiclass", ["label", "probabilities"]), ("regression", ["value"])],
)
def test_answers_are_the_tasks(task: str, answered: list[str]) -> None:
    """A label with its probability, a label with that of each class, or a value."""
    made = describe(model(task), title="Wine")

    answer = made["components"]["schemas"]["Answer"]["properties"]["predictions"]["items"]

    assert answer["required"] == answered == list(answer["properties"])
    if task == "multiclass":
        assert answer["properties"]["label"]["enum"] == ["a", "b", "c"]
        assert list(answer["properties"]["probabilities"]["properties"]) == ["a", "b", "c"]


def test_features_of_odd_names_are_described() -> None:
    """OpenAPI limits the names of schemas, not those of fields."""
    schemas = describe(model("regression"), title="Wine")["components"]["schemas"]

    keys = [reference["$ref"].rpartition("/")[2] for reference in schemas["Row"]["properties"].values()]

    assert list(schemas["Row"]["properties"]) == ["od280/od315", "Row", "title", "number"]
    assert keys == ["od280_od315-0", "Row-1", "title", "Carried"]
    assert schemas["od280_od315-0"]["type"] == ["number", "null"]
    assert schemas["Row-1"]["enum"] == ["no", "yes"]
    assert schemas["Row"]["required"] == ["Row", "title"]


def test_table_of_optional_columns_has_one_of_them() -> None:
    """The server refuses a table without a column, whose rows nobody could count."""
    free, bound = (
        describe(model("regression", features=features), title="Wine")["components"]["schemas"]["Columns"]
        for features in ([NUMBER], [NUMBER, CATEGORY])
    )

    assert free["properties"]["columns"]["minProperties"] == 1
    assert "minProperties" not in bound["properties"]["columns"]


EDITS: dict[str, tuple[Edit, str]] = {
    "range": (lambda s: s["features"][0].update(maximum=6), "components.schemas.Row.properties.pirat.maximum is 5"),
    "missing": (lambda s: s["features"][0].update(missing="impute"), "components.schemas.Row.required is"),
    "category": (
        lambda s: s["features"][5].update(categories=["no", "yes", "maybe"]),
        "components.schemas.Row.properties.phist.enum is ['no', 'yes']",
    ),
    "feature": (lambda s: s["features"].pop(), "components.schemas.Row.properties.hschool is not in schema.json"),
    "label": (
        lambda s: s.update(positive="ja"),
        "components.schemas.Answer.properties.predictions.items.properties.label.enum is ['no', 'yes']",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_contradiction_is_found_at_its_line(project: Path, name: str) -> None:
    """A schema that moved on without its description is told, and how to make one."""
    edit, message = EDITS[name]
    document = json.loads((project / "model/config/schema.json").read_text(encoding="utf-8"))
    edit(document)

    found = api_contract.check(project, ModelSchema.model_validate(document))

    assert any(item.message.startswith(message) for item in found), found
    assert all(item.file == API and item.line > 1 and "pipeline schema --write" in item.message for item in found)


def test_description_of_another_model_is_found(project: Path) -> None:
    """Each feature of the one is missing, each of the other too many."""
    found = api_contract.check(project, model("multiclass"))

    told = "\n".join(item.message for item in found)
    assert "components.schemas.Row.properties.od280/od315 is missing" in told
    assert "components.schemas.Row.properties.pirat is not in schema.json" in told
    assert "items.properties.probabilities is missing" in told


@pytest.mark.parametrize("task", TASKS)
def test_written_description_contradicts_nothing(project: Path, task: str) -> None:
    """What `--write` makes for another model passes, and speaks of the sample no more."""
    (project / API).write_text(api_contract.make(project, model(task)), encoding="utf-8")

    assert api_contract.check(project, model(task)) == ()
    assert "pirat" not in (project / API).read_text(encoding="utf-8")


def test_words_of_people_are_kept() -> None:
    """A description, a version and an example stay, also where a feature came; where all went, nothing stays."""
    former = describe(model("binary"), title="Wine")
    former["info"] |= {"version": "3.1.0", "title": "Cellar"}
    former["components"]["schemas"]["title"]["description"] = "How the grower is addressed."
    more = {"name": "more", "type": "number", "minimum": 0, "maximum": 1, "missing": "impute"}
    wider, foreign = model("binary", features=[NUMBER, CATEGORY, OPEN, more]), model("binary", id="n", features=[more])

    kept, fresh = (api_text.keep_words(describe(s, title="New"), deepcopy(former)) for s in (wider, foreign))

    assert (kept["info"]["version"], kept["info"]["title"]) == ("3.1.0", "Cellar")
    assert kept["components"]["schemas"]["title"]["description"] == "How the grower is addressed."
    assert list(differences(describe(wider, title=""), kept)) == []
    assert fresh["info"]["title"] == "New"


def test_own_container_has_an_api_of_its_own(project: Path) -> None:
    """What another server answers, schema.json does not say."""
    (project / api_contract.SERVER).write_text("import app\n", encoding="utf-8")

    assert api_contract.check(project, model("regression")) == ()


def test_description_is_yaml_that_reads_back() -> None:
    """No anchors, no lost strings: `no` stays a string."""
    made = describe(model("binary"), title="Wine")

    assert yaml.safe_load(api_text.render(made)) == made
    assert "&id" not in api_text.render(made)
