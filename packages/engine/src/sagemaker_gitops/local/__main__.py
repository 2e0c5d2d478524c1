"""`python -m sagemaker_gitops.local`: the embedded AWS without the rest of the pipeline."""

import sys
from pathlib import Path

from sagemaker_gitops.local.server.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd()))
