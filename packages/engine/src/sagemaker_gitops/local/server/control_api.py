"""The embedded AWS's own control API below /_local/, behind `local fault` and `local stand-in`."""

from dataclasses import replace
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.events.api_destinations import ApiDestinations
from sagemaker_gitops.local.sagemaker.fleet import Hosting
from sagemaker_gitops.local.server import protocols
from sagemaker_gitops.local.server.clients import Clients, api
from sagemaker_gitops.local.server.context import FAULT_KINDS, Caller, Document, Refusal, invalid
from sagemaker_gitops.local.server.faults import Fault, Faults
from sagemaker_gitops.local.server.protocols import Signature

CONTROL_PATH = "/_local/"


class ControlApi:
    """The control API: only the command line calls it."""

    name = "local"

    def __init__(self, faults: Faults, hosting: Hosting, destinations: ApiDestinations, clients: Clients) -> None:
        self._faults = faults
        self._hosting = hosting
        self._destinations = destinations
        self._clients = clients

    def operation(self, request: Request, _signed: Signature, /) -> str | None:
        """Return method and path below /_local/."""
        below = request.path.removeprefix(CONTROL_PATH)
        return f"{request.method} {below}" if request.path.startswith(CONTROL_PATH) else None

    def params(self, request: Request, _operation: str, /) -> Document:
        """Return the JSON body."""
        document = request.get_json(force=True, silent=True) if request.data else {}
        return document if isinstance(document, dict) else {}

    def answer(self, caller: Caller, operation: str, params: Document, /) -> Response:
        """Set, show or clear the faults, kill serving processes, set where a host's events go, or give a session."""
        if operation == "POST faults":
            self._add(params)
        elif operation == "DELETE faults":
            self._faults.clear()
        elif operation == "POST kill":
            return protocols.json_response({"killed": self._kill(params)})
        elif operation == "POST sessions":
            return protocols.json_response(self._session(caller, params))
        elif operation == "POST stand-ins":
            self._destinations.stand_in(str(params.get("host")), _on_this_machine(str(params.get("url"))))
        elif operation != "GET faults":
            raise Refusal("NotFound", f"There is no {operation}.", status=404)
        return protocols.json_response({"faults": self._faults.shown()})

    def _add(self, params: Document) -> None:
        if params.get("kind") not in FAULT_KINDS:
            raise invalid(f"Unknown fault {params.get('kind')}; known: {', '.join(FAULT_KINDS)}.")
        self._faults.add(Fault(**params))

    def _session(self, caller: Caller, params: Document) -> Document:
        """Give a role's credentials without asking its trust policy: as if its workflow had traded a token for them."""
        arn = str(params.get("role"))
        parts = arn.split(":")
        place = replace(caller.place, account=parts[4] if len(parts) > 5 else caller.place.account)
        services = api(self._clients, place)
        found = services.find("iam", "get_role", RoleName=arn.rpartition("/")[2])
        if found is None or found["Role"]["Arn"] != arn:
            raise invalid(f"There is no role {arn}.")
        granted = services.call("sts", "assume_role", RoleArn=arn, RoleSessionName=str(params.get("session")))
        keys = granted["Credentials"]
        return {name: keys[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}

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
