"""How CloudFormation's requests are recognised and answered: the Query protocol."""

from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.cloudformation import query
from sagemaker_gitops.local.cloudformation.plane import CloudFormation
from sagemaker_gitops.local.iam.identity import Signature
from sagemaker_gitops.local.server import model
from sagemaker_gitops.local.server.context import Call, Caller, Document
from sagemaker_gitops.local.server.refusal import unsupported


class CloudFormationFront:
    """CloudFormation; never moto's, which reports success for what it skipped."""

    name = "cloudformation"

    def __init__(self, plane: CloudFormation) -> None:
        self._handlers = plane.operations()

    def operation(self, request: Request, signed: Signature) -> str | None:
        """Return the form's Action when the request is signed for CloudFormation."""
        return request.form.get("Action", "") if signed.service == self.name else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model."""
        described = model.operation(self.name, operation)
        if operation not in self._handlers:
            raise unsupported(f"{operation} of CloudFormation")
        return model.check(described, query.parameters(described, request.form))

    def answer(self, caller: Caller, operation: str, params: Document) -> Response:
        """Carry out an operation and write its answer as XML."""
        result = self._handlers[operation](Call(caller=caller, operation=operation, params=params))
        return Response(query.response(model.operation(self.name, operation), result), content_type="text/xml")
