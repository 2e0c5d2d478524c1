"""`python -m pipeline.local`: the embedded AWS without the rest of the pipeline."""

import sys
from pathlib import Path

from pipeline.local.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd()))
