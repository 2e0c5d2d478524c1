"""Print what to type next. Cookiecutter runs this in the new project's folder."""

import shlex
from pathlib import Path


def next_steps(project: Path) -> str:
    """Name the commands that show the fresh project at work."""
    return "\n".join(
        [
            f"Made {project.name}. Next:",
            f"  cd {shlex.quote(str(project))}",
            "  make demo     # train, gate, release and roll back on this machine, without a cloud account",
            "  make test     # the tests that every pull request must pass",
            "docs/setup.md then connects it to GitHub and AWS.",
        ]
    )


def main() -> None:
    """Print the next steps."""
    print(next_steps(Path.cwd()))


if __name__ == "__main__":
    main()
