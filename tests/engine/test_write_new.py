"""Conditional writes: what S3 means by its two answers."""

import pytest
from botocore.exceptions import ClientError
from sagemaker_gitops.aws.session import write_new


class Write:
    """A write that S3 answers with these codes, one after the other, and then takes."""

    def __init__(self, *codes: str) -> None:
        self._codes = [*codes]
        self.pauses: list[float] = []

    def __call__(self) -> None:
        """Try."""
        if self._codes:
            raise ClientError({"Error": {"Code": self._codes.pop(0)}}, "PutObject")

    def outcome(self) -> bool:
        """Say whether it was this one that wrote."""
        return write_new(self, pause=self.pauses.append)


def test_object_that_is_there_is_not_written() -> None:
    """PreconditionFailed: somebody else did."""
    assert not Write("PreconditionFailed").outcome()


def test_conflict_with_a_request_under_way_is_tried_again() -> None:
    """It may have failed: to take it for written would lose the object."""
    write, lost = Write("ConditionalRequestConflict"), Write("ConditionalRequestConflict", "PreconditionFailed")

    assert (write.outcome(), lost.outcome()) == (True, False)
    assert len(write.pauses) == len(lost.pauses) == 1


def test_conflict_without_end_is_an_error() -> None:
    """Nobody is told that something was written which is not there."""
    with pytest.raises(ClientError, match="ConditionalRequestConflict"):
        Write(*["ConditionalRequestConflict"] * 9).outcome()
