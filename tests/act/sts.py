"""The embedded AWS's STS, and a memory of the roles that it refused."""

import urllib.error
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from tests.act.loopback import Answer, Request


@dataclass(kw_only=True)
class Sts:
    """Hands every call on to the embedded AWS."""

    aws: str
    refused: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        """Answer one call."""
        asked = dict(parse_qsl(request.body.decode()))
        answer = self._forward(request)
        if asked.get("Action") == "AssumeRoleWithWebIdentity" and answer.status >= 400:
            self.refused.append(asked["RoleArn"])
        return answer

    def _forward(self, request: Request) -> Answer:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        onward = urllib.request.Request(self.aws + request.path, data=request.body, headers=headers)
        try:
            with urllib.request.urlopen(onward, timeout=30) as answer:
                return Answer(status=answer.status, body=answer.read(), content_type=answer.headers["Content-Type"])
        except urllib.error.HTTPError as error:
            return Answer(status=error.code, body=error.read(), content_type=error.headers["Content-Type"])
