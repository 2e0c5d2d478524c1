"""One embedded AWS for every test of scaling out."""

from collections.abc import Iterator

import pytest
from tests.engine.stages.conftest import Laptop, started


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Start an AWS with this project's images and stacks; stop it afterwards."""
    with started(tmp_path_factory.mktemp("scale") / "project") as ready:
        yield ready


@pytest.fixture(autouse=True)
def checkout_restored(laptop: Laptop) -> Iterator[None]:
    """Give hyperparameters and tuning back after a test."""
    paths = [laptop.root / f"model/config/{name}.json" for name in ("hyperparameters", "tuning")]
    before = {path: path.read_bytes() for path in paths}
    yield
    for path, content in before.items():
        path.write_bytes(content)
