"""Process 1: SageMaker starts the container as root; what answers requests does not need to be.

It becomes the server itself, so that SIGTERM reaches it.
"""

import ctypes
import os
import sys

APP = 1000
PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h


def drop_privileges() -> None:
    """Become an ordinary user for good; nothing to do where the container was started as one."""
    if os.getuid() != 0:
        return
    os.setgroups([])
    os.setresgid(APP, APP, APP)
    os.setresuid(APP, APP, APP)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")


if __name__ == "__main__":
    drop_privileges()
    # As root nothing of the server is even imported.
    from serve import main

    sys.exit(main(sys.argv[1:]))
