"""The command `pipeline`, also as `python -m sagemaker_gitops`."""

import sys


def main() -> int:
    """Run one command and return its exit code."""
    try:
        from sagemaker_gitops.cli.app import main as run  # noqa: PLC0415 - so that a missing extra is told in one line
    except ModuleNotFoundError as missing:
        sys.stderr.write(f"pipeline: {missing.name} is not installed. Install sagemaker-gitops[pipeline].\n")
        return 2
    return run()


if __name__ == "__main__":
    sys.exit(main())
