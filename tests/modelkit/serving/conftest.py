"""A running server for the tests of the serving container."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sagemaker_gitops_modelkit.gates import payloads, server
from sagemaker_gitops_modelkit.gates.payloads import Instance
from sagemaker_gitops_modelkit.gates.server import Caller, Server
from sagemaker_gitops_modelkit.training.feature_schema import Schema

Start = Callable[..., Server]

IDENTITY = {"MODEL_VERSION": "7", "MODEL_FINGERPRINT": "ab" * 32}


@pytest.fixture(scope="session")
def rows(data_dir: Path, schema: Schema) -> list[Instance]:
    """Return real rows."""
    return payloads.instances(data_dir, schema, 50)


@pytest.fixture(scope="session")
def serving(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server with one worker, shared by all tests that leave it as it is."""
    scratch = tmp_path_factory.mktemp("serving")
    with server.running(model_dir, scratch, SAGEMAKER_MODEL_SERVER_WORKERS="1", **IDENTITY) as running:
        yield running


@pytest.fixture
def caller(serving: Server) -> Iterator[Caller]:
    """Return a connection to the shared server."""
    with serving.caller() as connection:
        yield connection


@pytest.fixture
def start(model_dir: Path, tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a server with an environment of its own."""
    with ExitStack() as stack:

        def launch(**environment: str) -> Server:
            settings = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", **IDENTITY, **environment}
            return stack.enter_context(server.running(model_dir, tmp_path / "serving", **settings))

        yield launch
