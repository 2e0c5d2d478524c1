"""The plane's own switches, behind `local fault`: /_local/faults and /_local/kill."""

from werkzeug.wrappers import Request, Response

from pipeline.local import wire
from pipeline.local.faults import KINDS, Fault, Faults
from pipeline.local.hosting import Hosting
from pipeline.local.identity import Signature
from pipeline.local.place import Caller, Document
from pipeline.local.refusal import Refusal, invalid

SWITCHES = "/_local/"


class Switches:
    """A front beside AWS's: nothing of the project calls it but the command line."""

    name = "local"

    def __init__(self, faults: Faults, hosting: Hosting) -> None:
        self._faults = faults
        self._hosting = hosting

    def operation(self, request: Request, _signed: Signature, /) -> str | None:
        """Return method and path below /_local/."""
        below = request.path.removeprefix(SWITCHES)
        return f"{request.method} {below}" if request.path.startswith(SWITCHES) else None

    def params(self, request: Request, _operation: str, /) -> Document:
        """Return the JSON body."""
        document = request.get_json(force=True, silent=True) if request.data else {}
        return document if isinstance(document, dict) else {}

    def answer(self, _caller: Caller, operation: str, params: Document, /) -> Response:
        """Set, show or clear the faults, or kill serving processes."""
        if operation == "POST faults":
            self._add(params)
        elif operation == "DELETE faults":
            self._faults.clear()
        elif operation == "POST kill":
            return wire.json_response({"killed": self._kill(params)})
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
