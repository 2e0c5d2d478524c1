"""How AWS says no: an error code, a message and an HTTP status."""


class Refusal(Exception):
    """A request that AWS would reject; becomes the response."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> Refusal:
    """Return SageMaker's answer to a well-formed request that contradicts the state."""
    return Refusal("ValidationException", message)


def not_found(kind: str, arn: str) -> Refusal:
    """Return the answer to a name that nothing bears. `kind` is the words AWS uses."""
    return invalid(f'Could not find {kind} "{arn}".')


def duplicate(kind: str, arn: str) -> Refusal:
    """Return the answer to a second creation under one name."""
    return invalid(f'Cannot create already existing {kind} "{arn}".')


def in_use(message: str) -> Refusal:
    """Return the answer to a job name that is taken."""
    return Refusal("ResourceInUse", message)


def conflict(message: str) -> Refusal:
    """Return the answer to a change that other resources stand against."""
    return Refusal("ConflictException", message)


def unsupported(what: str) -> Refusal:
    """Return the loud answer to whatever the local AWS does not really do."""
    return Refusal("NotImplementedByLocalAWS", f"The local AWS does not implement {what}.", status=501)
