"""model/config/hyperparameters.json: what every training job of a checkout is given."""

import json
from collections.abc import Mapping
from pathlib import Path

from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project.documents import read_document

PATH = Path("model/config/hyperparameters.json")


def read(root: Path) -> dict[str, str]:
    """Read them; SageMaker takes strings alone."""
    path = root / PATH
    values = read_document(path)
    wrong = [key for key, value in values.items() if not isinstance(value, str)]
    if wrong:
        raise ConfigurationError(
            f"SageMaker passes hyperparameters as strings, but these are not: {', '.join(sorted(wrong))}",
            where=str(path),
            next_step=f'write "{wrong[0]}": "{values[wrong[0]]}"',
        )
    return dict(values)


def write(path: Path, values: Mapping[str, str]) -> None:
    """Write a file of hyperparameters, as it is read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(values), indent=2) + "\n")
