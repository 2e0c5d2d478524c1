"""The local AWS that the tests of this folder share."""

from collections.abc import Iterator

import pytest
from sagemaker_gitops.local.server import process
from sagemaker_gitops.local.server.folder import Folder
from tests.engine.local.harness import PROJECT_ROOT, LocalAws, options, prepare, put_images


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Return a local AWS that all tests share: a minute there takes 0.1 s."""
    folder = Folder(tmp_path_factory.mktemp("aws"))
    put_images(folder)
    aws = LocalAws(process.start_server(options(folder), PROJECT_ROOT), folder)
    prepare(aws)
    yield aws
    process.stop_server(folder)
