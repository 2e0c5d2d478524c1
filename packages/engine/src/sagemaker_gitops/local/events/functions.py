"""Lambda: moto keeps the functions, the embedded AWS runs them, each call in a process of its own."""

import io
import json
import sys
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from moto.awslambda.models import lambda_backends
from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.server import model
from sagemaker_gitops.local.server.clients import api
from sagemaker_gitops.local.server.context import Caller, Document, Place, Refusal, unsupported
from sagemaker_gitops.local.server.protocols import Signature
from sagemaker_gitops.local.server.service import SharedState

_INVOKED = frozenset({"FunctionName", "InvocationType", "Payload"})
# Calls the handler as Lambda's own runtime does, and writes down what it returned or raised.
_RUNTIME = """
import importlib, json, sys, traceback
module, _, name = sys.argv[1].rpartition(".")
sys.path.insert(0, "code")
try:
    result = {"answer": getattr(importlib.import_module(module), name)(json.load(open("event.json")), None)}
    text = json.dumps(result)
except Exception as error:
    traceback.print_exc()
    text = json.dumps({"error": {"errorMessage": str(error), "errorType": type(error).__name__}})
open("answer.json", "w").write(text)
"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a function returned, or why it did not."""

    document: object
    failed: bool = False


class Functions:
    """Invoke; every other operation of Lambda is moto's."""

    name = "lambda"

    def __init__(self, shared: SharedState, roles: Roles) -> None:
        self._shared = shared
        self._roles = roles

    def operation(self, request: Request, signed: Signature, /) -> str | None:
        """Return Invoke if that is what is asked for."""
        found = model.rest_operation(self.name, request) if signed.service == self.name else None
        return "Invoke" if found and found.name == "Invoke" else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model."""
        described = model.operation(self.name, operation)
        found = model.check(described, model.rest_params(described, request, request.get_data()))
        model.members_only(described, found, _INVOKED)
        return {**found, "Payload": bytes(found.get("Payload") or b"{}").decode()}

    def answer(self, caller: Caller, _operation: str, params: Document, /) -> Response:
        """Run the function; an event does not wait for it."""
        function = self._function(caller.place, params["FunctionName"].rsplit(":", 1)[-1])
        kind, payload = params.get("InvocationType", "RequestResponse"), params["Payload"]
        if kind == "Event":
            threading.Thread(target=self._run, args=(caller.place, function, payload), daemon=True).start()
            return Response(status=202)
        if kind != "RequestResponse":
            raise unsupported(f"InvocationType {kind} of Invoke")
        answer = self._run(caller.place, function, payload)
        headers = {"X-Amz-Function-Error": "Unhandled"} if answer.failed else {}
        return Response(json.dumps(answer.document), 200, headers, content_type="application/json")

    def _function(self, place: Place, name: str) -> Document:
        found = api(self._shared.clients, place).find("lambda", "get_function", FunctionName=name)
        if found is None:
            arn = f"arn:aws:lambda:{place.region}:{place.account}:function:{name}"
            raise Refusal("ResourceNotFoundException", f"Function not found: {arn}", status=404)
        configuration: Document = found["Configuration"]
        self._roles.require(place, configuration["Role"], service="lambda.amazonaws.com")
        return configuration

    def _run(self, place: Place, function: Document, payload: str) -> Answer:
        name, seconds = function["FunctionName"], function["Timeout"]
        sink = self._shared.logs.sink(place, f"/aws/lambda/{name}", "local")
        with TemporaryDirectory() as scratch:
            home = Path(scratch)
            _unpack(place, name, home / "code")
            (home / "event.json").write_text(payload)
            command = [sys.executable, "-c", _RUNTIME, function["Handler"]]
            environment = {**function.get("Environment", {}).get("Variables", {}), **self._identity(place, function)}
            container = self._shared.containers.start(command, environment=environment, home=home, sink=sink)
            if container.wait(seconds) is None:
                container.kill()
                return Answer(document={"errorMessage": f"Task timed out after {seconds}.00 seconds"}, failed=True)
            return _answer(home / "answer.json")

    def _identity(self, place: Place, function: Document) -> dict[str, str]:
        return {
            **self._roles.environment(place, function["Role"], function["FunctionName"]),
            "AWS_LAMBDA_FUNCTION_NAME": function["FunctionName"],
        }


def _unpack(place: Place, name: str, folder: Path) -> None:
    # GetFunction answers a link to the code, which moto does not serve.
    content: bytes = lambda_backends[place.account][place.region].get_function(name).code_bytes
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)


def _answer(path: Path) -> Answer:
    if not path.is_file():
        document = {"errorMessage": "Runtime exited without providing a reason", "errorType": "Runtime.ExitError"}
        return Answer(document=document, failed=True)
    result = json.loads(path.read_text())
    return Answer(document=result.get("answer", result.get("error")), failed="error" in result)
