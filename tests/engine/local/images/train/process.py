"""A processing container: copies its input in upper case, counts a metric, obeys its arguments."""

import os
import sys
import time
from pathlib import Path

INPUT, OUTPUT = (Path(path) for path in sys.argv[1:3])


def main() -> int:
    """Process; with FAIL in the environment, leave a message and fail."""
    time.sleep(float(os.environ.get("SLEEP", "0")))
    for path in INPUT.iterdir():
        (OUTPUT / path.name).write_text(path.read_text().upper())
    message = Path(os.environ["SM_ML_ROOT"]) / "output/message"
    message.write_text(f"processed as {os.environ['PROCESSING_JOB_NAME']}")
    return 1 if "FAIL" in os.environ else 0


if __name__ == "__main__":
    sys.exit(main())
