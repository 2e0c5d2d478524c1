"""Process 1 of both images: SageMaker starts a container as root; neither training nor serving needs to be.

`python -m sagemaker_gitops_modelkit.entrypoint SCRIPT train|serve` hands over what the script writes, becomes an
ordinary user and runs the script in this same process, so that SIGTERM reaches it.
"""

import ctypes
import os
import runpy
import signal
import sys
from pathlib import Path

APP = 1000
PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h
# Of /opt/ml: what a training job writes, and what it reads. SageMaker mounts them for root only.
WRITTEN = ("model", "output", "checkpoints")
READ = "input"


def main(arguments: list[str]) -> None:
    """Run a script as an ordinary user; as root nothing of it is even imported."""
    # Process 1 ignores a signal that it has no handler for, and the script's own comes after seconds of imports.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    script, *rest = arguments
    if os.getuid() == 0:
        if rest[:1] == ["train"]:
            hand_over(Path(os.environ.get("SM_ML_ROOT", "/opt/ml")))
        drop_privileges()
    sys.argv = [script, *rest]
    sys.path.insert(0, str(Path(script).parent))
    runpy.run_path(script, run_name="__main__")


def hand_over(root: Path) -> None:
    """Let the ordinary user read a training job's inputs and own its outputs."""
    try:
        for path in (root / READ, *(root / READ).rglob("*")):
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    except OSError as error:
        sys.stderr.write(f"entrypoint: {root / READ} is read-only; going on ({error.strerror})\n")
    for folder in (root / name for name in WRITTEN):
        if folder.is_dir():
            for path in (folder, *folder.rglob("*")):
                os.chown(path, APP, APP, follow_symlinks=False)


def drop_privileges() -> None:
    """Become an ordinary user for good."""
    os.setgroups([])
    os.setresgid(APP, APP, APP)
    os.setresuid(APP, APP, APP)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")


if __name__ == "__main__":
    main(sys.argv[1:])
