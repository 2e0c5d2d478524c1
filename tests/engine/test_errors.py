"""Errors: one cause, one exit code, one next step."""

import inspect

from sagemaker_gitops import errors
from sagemaker_gitops.errors import ConfigurationError, PipelineError

CLASSES = [item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, PipelineError)]


def test_every_cause_has_an_exit_code_of_its_own() -> None:
    """A script can tell causes apart by the exit code alone."""
    codes = [item.exit_code for item in CLASSES]

    assert len(codes) == len(set(codes))


def test_no_exit_code_collides_with_the_shell() -> None:
    """Codes from 126 on mean something to a shell, and 0 means success."""
    assert all(0 < item.exit_code < 126 for item in CLASSES)


def test_the_tree_in_the_docstring_names_every_class_with_its_code() -> None:
    """The picture at the top of the module is complete."""
    picture = errors.__doc__ or ""

    missing = [item for item in CLASSES if item is not PipelineError and item.__name__ not in picture]

    assert missing == []


def test_message_says_what_where_and_what_next() -> None:
    """A person reads the fault, its place and the way on, in this order."""
    error = ConfigurationError("bake_seconds = -1 is negative", where="dev.json", next_step="write 0 or more")

    lines = str(error).splitlines()

    assert lines == ["bake_seconds = -1 is negative", "  where: dev.json", "  next:  write 0 or more"]
