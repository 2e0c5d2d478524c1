"""The model and the data that the gates judge, named by MODEL_DIR, DATA_DIR and CHAMPION_DIR.

A fine-tuned model is also held against its parent: PARENT_DIR, and PARENT_DATA_DIR that trained it.

Without MODEL_DIR the gates judge a model that they train for the occasion.
"""

import os
from pathlib import Path

import pandas as pd
import pytest

from sagemaker_gitops_modelkit.gates import training
from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.training.data import Split, as_meant, features, load_split, read_text
from sagemaker_gitops_modelkit.training.feature_schema import Schema, load_schema
from sagemaker_gitops_modelkit.training.scored import Scored


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked model under judgement."""
    if "MODEL_DIR" in os.environ:
        return Path(os.environ["MODEL_DIR"])
    root = training.prepare(tmp_path_factory.mktemp("training"))
    job = training.run(root)
    assert job.returncode == 0, job.stderr
    return root / "model"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder with the data version's CSV files."""
    return Path(os.environ.get("DATA_DIR", training.DATA))


@pytest.fixture(scope="session")
def schema() -> Schema:
    """Return the schema of this checkout: what the data and the model must keep to."""
    return load_schema(training.MODEL / "config" / "schema.json")


@pytest.fixture(scope="session")
def text(data_dir: Path, schema: Schema) -> pd.DataFrame:
    """Return the data set as text: what a cell means as in a request, None where it is missing."""
    return as_meant(read_text(data_dir), schema)


@pytest.fixture(scope="session")
def split(data_dir: Path, schema: Schema) -> Split:
    """Return the data set's split, computed afresh."""
    return load_split(data_dir, schema)


@pytest.fixture(scope="session")
def candidate(model_dir: Path) -> Candidate:
    """Return the model under judgement."""
    return Candidate(model_dir)


@pytest.fixture(scope="session")
def champion() -> Candidate:
    """Return the model that serves now."""
    if "CHAMPION_DIR" not in os.environ:
        pytest.skip("CHAMPION_DIR is not set: no approved model to compare with")
    return Candidate(Path(os.environ["CHAMPION_DIR"]))


@pytest.fixture(scope="session")
def parent() -> Candidate:
    """Return the model that the one under judgement was fine-tuned from."""
    if "PARENT_DIR" not in os.environ:
        pytest.skip("PARENT_DIR is not set: the model was trained from scratch and has nothing to forget")
    return Candidate(Path(os.environ["PARENT_DIR"]))


@pytest.fixture(scope="session")
def parent_test(parent: Candidate) -> pd.DataFrame:
    """Return the rows that the parent was judged by."""
    return load_split(Path(os.environ["PARENT_DATA_DIR"]), parent.schema).test


@pytest.fixture(scope="session")
def scored(candidate: Candidate, split: Split) -> Scored:
    """Return the candidate's answers on the held-out rows."""
    return candidate.scored(split.test)


@pytest.fixture(scope="session")
def table(candidate: Candidate, split: Split) -> pd.DataFrame:
    """Return the features of the held-out rows."""
    return features(split.test, candidate.schema)
