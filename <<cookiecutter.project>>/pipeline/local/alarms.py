"""CloudWatch alarms as deployments see them."""

from pipeline.local.clients import Clients
from pipeline.local.place import Place
from pipeline.local.refusal import invalid


class Alarms:
    """Reads the alarms that moto keeps."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def tripped(self, place: Place, names: tuple[str, ...]) -> str | None:
        """Return the first of some alarms that is in ALARM."""
        if not names:
            return None
        client = self._clients.cloudwatch(place)
        found = client.describe_alarms(AlarmNames=list(names), StateValue="ALARM")["MetricAlarms"]
        return found[0]["AlarmName"] if found else None

    def require(self, place: Place, names: tuple[str, ...]) -> None:
        """Refuse a deployment whose alarms do not all exist."""
        if not names:
            return
        client = self._clients.cloudwatch(place)
        found = {a["AlarmName"] for a in client.describe_alarms(AlarmNames=list(names))["MetricAlarms"]}
        if missing := [name for name in names if name not in found]:
            raise invalid(f"The following alarms do not exist: {', '.join(missing)}.")
