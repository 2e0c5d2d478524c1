"""The plane's own switches, behind `local fault` and `local stand-in`: /_local/faults, /_local/kill and so on."""

from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.events.api_destinations import ApiDestinations
from sagemaker_gitops.local.iam.identity import Signature
from sagemaker_gitops.local.sagemaker.hosting import Hosting
from sagemaker_gitops.local.server import wire
from sagemaker_gitops.local.server.context import Caller, Document
from sagemaker_gitops.local.server.faults import Fault, Faults
from sagemaker_gitops.local.server.refusal import Refusal, invalid
from sagemaker_gitops.local.server.switch_command import KINDS

SWITCHES = "/_local/"


class Switches:
    """A front beside AWS's: nothing of the project calls it but the command line."""

    name = "local"

    def __init__(self, faults: Faults, hosting: Hosting, destinations: ApiDestinations) -> None:
        self._faults = faults
        self._hosting = hosting
        self._destinations = destinations

    def operation(self, request: Request, _signed: Signature, /) -> str | None:
        """Return method and path below /_local/."""
        below = request.path.removeprefix(SWITCHES)
        return f"{request.method} {below}" if request.path.startswith(SWITCHES) else None

    def params(self, request: Request, _operation: str, /) -> Document:
        """Return the JSON body."""
        document = request.get_json(force=True, silent=True) if request.data else {}
        return document if isinstance(document, dict) else {}

    def answer(self, _caller: Caller, operation: str, params: Document, /) -> Response:
        """Set, show or clear the faults, kill serving processes, or name who plays a host."""
        if operation == "POST faults":
            self._add(params)
        elif operation == "DELETE faults":
            self._faults.clear()
        elif operation == "POST kill":
            return wire.json_response({"killed": self._kill(params)})
        elif operation == "POST stand-ins":
            self._destinations.stand_in(str(params.get("host")), _on_this_machine(str(params.get("url"))))
        elif operation != "GET faults":
            raise Refusal("NotFound", f"There is no {operation}.", status=404)
        return wire.json_response({"faults": self._faults.shown()})

    def _add(self, params: Document) -> None:
        if params.get("kind") not in KINDS:
            raise invalid(f"Unknown fault {params.get('kind')}; known: {', '.join(KINDS)}.")
        self._faults.add(Fault(**params))

    def _kill(self, params: Document) -> list[str]:
        endpoint, variant = params.get("endpoint"), params.get("variant")
        chosen = [r for r in self._hosting.replicas(endpoint) if variant in {None, r.variant_name}]
        for replica in chosen:
            replica.crash()
        return [replica.variant_name for replica in chosen]


def _on_this_machine(url: str) -> str:
    if urlsplit(url).hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise invalid(f"{url} is not on this machine; an address such as http://127.0.0.1:8000 is.")
    return url
