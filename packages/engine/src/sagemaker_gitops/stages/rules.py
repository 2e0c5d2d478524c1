"""The project's own rules as a linter: one line a finding, and exit code 1 if there is one.

`python -m sagemaker_gitops.stages.rules`, as .pre-commit-config.yaml and `pipeline lint` call it.
"""

import sys
from itertools import chain
from pathlib import Path

from sagemaker_gitops.errors import LintFailed
from sagemaker_gitops.github import rules as workflows
from sagemaker_gitops.stacks import rules as policies


def main() -> int:
    """Print each finding of the checkout in the working directory."""
    try:
        found = list(chain(workflows.findings(Path.cwd()), policies.findings(Path.cwd())))
    except LintFailed as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    for item in found:
        sys.stdout.write(f"{item.file}:{item.line}: {item.message}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
