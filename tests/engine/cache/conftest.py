"""One embedded AWS for every test of the cache."""

from collections.abc import Iterator

import pytest
from tests.engine.stages.conftest import Laptop, started


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Start an AWS with this project's images and stacks; stop it afterwards."""
    with started(tmp_path_factory.mktemp("cache") / "project") as ready:
        yield ready


@pytest.fixture(autouse=True)
def checkout_restored(laptop: Laptop) -> Iterator[None]:
    """Give hyperparameters and data back after a test."""
    paths = [laptop.root / "model/config/hyperparameters.json", laptop.root / "data/hmda.csv"]
    before = {path: path.read_bytes() for path in paths}
    yield
    for path in set((laptop.root / "data").glob("*.csv")) - set(paths):
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)


@pytest.fixture
def small(laptop: Laptop, request: pytest.FixtureRequest) -> str:
    """Give the checkout a model of its own that trains in no time; return its seed."""
    seed = str(1000 + sum(request.node.name.encode()))
    laptop.set_hyperparameters(n_estimators="3", additional_rounds="3", seed=seed)
    return seed
