"""Creating what may exist already: names tell the content, so whoever was first is right."""

from collections.abc import Callable

import botocore.exceptions

from sagemaker_gitops.aws.session import is_missing


def found(describe: Callable[[], object]) -> bool:
    """Tell whether the thing that a call describes exists."""
    try:
        describe()
    except botocore.exceptions.ClientError as err:
        if is_missing(err):
            return False
        raise
    return True


def create_once(create: Callable[[], object]) -> None:
    """Create something; that a second run, or botocore's own retry, was first is no error."""
    try:
        create()
    except botocore.exceptions.ClientError as err:
        if "already exist" not in str(err):
            raise
