"""Notes which files of the engine a `pipeline` command executes; Python imports this by its name, from PYTHONPATH."""

import atexit
import inspect
import os
import sys
import threading
from pathlib import Path
from types import FrameType

_FOLDER = os.environ["TRIPS_FOLDER"]
# "sagemaker_gitops", or "pipeline" for a project of the time before the package.
_PACKAGE = os.sep + os.environ["TRIPS_PACKAGE"] + os.sep
_executed: set[str] = set()


def _note(frame: FrameType, event: str, _argument: object) -> None:
    # A module's or a class's own body runs when it is imported; only functions do something of the trip.
    if event == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED and _PACKAGE in frame.f_code.co_filename:
        _executed.add(frame.f_code.co_filename.rpartition(_PACKAGE)[2])


def _write() -> None:
    sys.setprofile(None)
    words = [word for word in sys.argv[1:] if not word.startswith("--json")]
    name = f"{'-'.join(words[:1])}.{os.getpid()}.txt"
    (Path(_FOLDER) / name).write_text("\n".join(sorted(_executed)))


if "-m" in sys.orig_argv and sys.orig_argv[sys.orig_argv.index("-m") + 1] == os.environ["TRIPS_PACKAGE"]:
    threading.setprofile(_note)
    sys.setprofile(_note)
    atexit.register(_write)
