"""Run the generated project's stand-in for GitHub until stdin closes.

Started with the project's own Python: `python github.py '{"name": "owner/repository"}'` prints its address.
"""

import json
import sys

from pipeline.tests.github.stand_in import GitHub, State


def main() -> None:
    """Serve one repository in the state that the argument gives."""
    github = GitHub(State(**json.loads(sys.argv[1])))
    print(github.url, flush=True)
    sys.stdin.read()
    github.close()


if __name__ == "__main__":
    main()
