"""The serving container, `serve.py serve`: the modelkit's server with this project's predictor."""

import sys

from predictor import ProjectPredictor
from sagemaker_gitops_modelkit.serving.server import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], ProjectPredictor))
