"""Where the project under judgement lies: PROJECT_ROOT, or the folder that pytest was started in."""

import os
from pathlib import Path

ROOT = Path(os.environ.get("PROJECT_ROOT", ".")).absolute()
