"""The machines of one training job, as SageMaker's resourceconfig.json lists them."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """Who else trains, and which of them this machine is."""

    current: str
    everyone: tuple[str, ...]

    @property
    def first(self) -> bool:
        """Tell whether this machine is the one that learns and writes the model."""
        return self.current == self.everyone[0]


def load_hosts(path: Path) -> Hosts:
    """Read resourceconfig.json; without one there is one machine."""
    if not path.is_file():
        return Hosts(current="algo-1", everyone=("algo-1",))
    document = json.loads(path.read_text(encoding="utf-8"))
    return Hosts(current=document["current_host"], everyone=tuple(document["hosts"]))
