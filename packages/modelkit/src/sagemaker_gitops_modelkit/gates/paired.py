"""What two models answer to the same held-out rows.

`python -m sagemaker_gitops_modelkit.gates.paired FILE` writes it as JSON.
MODEL_DIR, CHAMPION_DIR and DATA_DIR name models and data as they do for the gates.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.training.data import load_split
from sagemaker_gitops_modelkit.training.failures import TrainingFailure


def answers(challenger: Candidate, champion: Candidate, data: Path) -> dict[str, list[Any]]:
    """Return the truth of each held-out row, and what each model answers: a probability, a line of them, or a number.

    Each model reads the rows by its own schema; a row keeps its side of the split, so both see the same ones.
    """
    ours, theirs = (load_split(data, model.schema).test for model in (challenger, champion))
    scored, other = challenger.scored(ours), champion.scored(theirs)
    if list(ours[challenger.schema.id]) != list(theirs[champion.schema.id]) or (scored.truth != other.truth).any():
        raise ValueError("the two models do not read the same rows and outcomes from this data")
    return {
        "truth": scored.truth.astype(float).tolist(),
        "challenger": scored.answers.tolist(),
        "champion": other.answers.tolist(),
    }


def main(target: Path) -> None:
    """Write the answers of the models that the environment names; end with one line that says why not."""
    challenger, champion = (Candidate(Path(os.environ[name])) for name in ("MODEL_DIR", "CHAMPION_DIR"))
    try:
        paired = answers(challenger, champion, Path(os.environ["DATA_DIR"]))
    except (TrainingFailure, ValueError) as error:
        sys.exit(" ".join(str(error).split()))
    target.write_text(json.dumps(paired), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
