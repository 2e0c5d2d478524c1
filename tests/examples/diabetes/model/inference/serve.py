"""Serve the regression: `python serve.py serve`."""

import os
from pathlib import Path

import uvicorn
from app import App
from regression import Regression


def main() -> None:
    """Load the model, or end with the reason, then listen where SageMaker says."""
    root = Path(os.environ.get("SM_ML_ROOT", "/opt/ml"))
    app = App(Regression(root / "model"), os.environ)
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    uvicorn.run(app, host=os.environ.get("SERVE_HOST", "0.0.0.0"), port=port, log_level="warning")  # noqa: S104


if __name__ == "__main__":
    main()
