"""API destinations: a matching event is an HTTP request to somebody outside AWS, repeated or kept for later."""

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.local.server import cli
from tests.engine.local.harness import ACCOUNT, REGION, Inbox, LocalAws, collected, eventually

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
TRANSFORMER = {
    "InputPathsMap": {"why": "$.detail.why", "found": "$.detail.found", "number": "$.detail.number"},
    "InputTemplate": '{"why": <why>, "told": "because <number>", "found": <found>, "number": <number>}\n',
}
DETAIL = {"why": 'income "doubled" \\ <why>', "found": ["a", "b"], "number": 3}


@dataclass
class Outside:
    """Somebody who answers with statuses, the last of them for ever, and remembers what was asked."""

    statuses: list[int] = field(default_factory=lambda: [204])
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Remember a request; return the status of its answer."""
        self.asked.append((path, headers, body))
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@pytest.fixture
def outside() -> Iterator[Outside]:
    """Run somebody on a port of this machine."""
    told = Outside()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(told.take(self.path, dict(self.headers), body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    server.server_close()


@dataclass(frozen=True, kw_only=True)
class Route:
    """A rule that sends events of one source to a destination, and the queue for those that are not taken."""

    aws: LocalAws
    name: str
    taken: Inbox

    def send(self) -> None:
        """Put one event."""
        entry = {"Source": self.name, "DetailType": "found", "Detail": json.dumps(DETAIL)}
        assert self.aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def route(aws: LocalAws, *, grants: str = "events:InvokeApiDestination", letter_box: bool = True) -> Route:
    """Make connection, destination, role, queue and rule under a name of their own."""
    name = f"outside-{uuid.uuid4().hex[:8]}"
    events, sqs, iam = aws.client("events"), aws.client("sqs"), aws.client("iam")
    connection = events.create_connection(
        Name=name,
        AuthorizationType="API_KEY",
        AuthParameters={
            "ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": "Bearer valid"},
            "InvocationHttpParameters": {
                "HeaderParameters": [{"Key": "Accept", "Value": "application/vnd.github+json", "IsValueSecret": False}]
            },
        },
    )["ConnectionArn"]
    destination = events.create_api_destination(
        Name=name,
        ConnectionArn=connection,
        HttpMethod="POST",
        InvocationEndpoint=f"https://{name}.example/events",
    )["ApiDestinationArn"]
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": grants, "Resource": destination}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="send", PolicyDocument=document)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    if letter_box:
        lets_in = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
        condition = {"ArnLike": {"aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/*"}}
        policy = {"Version": "2012-10-17", "Statement": [{**lets_in, "Resource": queue, "Condition": condition}]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    target = {
        "Id": "outside",
        "Arn": destination,
        "RoleArn": role,
        "InputTransformer": TRANSFORMER,
        "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600},
        "DeadLetterConfig": {"Arn": queue},
    }
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    assert events.put_targets(Rule=name, Targets=[target])["FailedEntryCount"] == 0

    def taken() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        return [_letter(message) for message in found.get("Messages", [])]

    return Route(aws=aws, name=name, taken=taken)


def _letter(message: dict[str, Any]) -> dict[str, Any]:
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    return {**attributes, "event": json.loads(message["Body"])}


def played(aws: LocalAws, one: Route, outside: Outside) -> None:
    """Have somebody play the destination's host."""
    cli.set_stand_in(aws.running, f"{one.name}.example", outside.url)


def test_event_arrives_as_the_template_words_it(aws: LocalAws, outside: Outside) -> None:
    """With the connection's authorisation and headers; text that holds quotes stays one JSON value."""
    one = route(aws)
    played(aws, one, outside)

    one.send()

    ((path, headers, body),) = eventually(lambda: outside.asked, lambda asked: len(asked) == 1)
    wanted = {**DETAIL, "told": "because 3"}
    assert (path, json.loads(body)) == ("/events", wanted)
    assert body.decode() == json.dumps({key: wanted[key] for key in json.loads(body)}, separators=(",", ":"))
    assert (headers["Authorization"], headers["Accept"]) == ("Bearer valid", "application/vnd.github+json")
    assert headers["Host"] == f"{one.name}.example"
    assert headers["Content-Type"].startswith("application/json")
    assert one.taken() == []


def test_changed_token_is_used_from_then_on(aws: LocalAws, outside: Outside) -> None:
    """UpdateConnection replaces the secret."""
    one = route(aws)
    played(aws, one, outside)
    parameters = {"ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": "Bearer newer"}}
    aws.client("events").update_connection(Name=one.name, AuthParameters=parameters)

    one.send()

    asked = eventually(lambda: outside.asked, lambda asked: len(asked) == 1)
    assert asked[0][1]["Authorization"] == "Bearer newer"


@pytest.mark.parametrize("status", [429, 503])
def test_busy_receiver_is_asked_again(aws: LocalAws, outside: Outside, status: int) -> None:
    """Throttling and faults pass; the event arrives in the end, and no letter is left."""
    one = route(aws)
    outside.statuses = [status, status, 204]
    played(aws, one, outside)

    one.send()

    asked = eventually(lambda: outside.asked, lambda asked: len(asked) == 3)
    assert len({body for _, _, body in asked}) == 1
    assert one.taken() == []


def test_refused_event_is_kept_at_once(aws: LocalAws, outside: Outside) -> None:
    """A wrong token does not become right: one request, then the letter with the answer and the whole event."""
    one = route(aws)
    outside.statuses = [401]
    played(aws, one, outside)

    one.send()

    (letter,) = collected(one.taken, 1)
    assert len(outside.asked) == 1
    assert "401" in letter["ERROR_MESSAGE"]
    assert letter["event"]["detail"] == DETAIL
    assert letter["RULE_ARN"].endswith(f":rule/{one.name}")
    assert "EXHAUSTED_RETRY_CONDITION" not in letter


def test_event_that_nobody_takes_is_kept_when_its_retries_are_used_up(aws: LocalAws, outside: Outside) -> None:
    """Three requests, the first and two more, then the letter says which limit it was."""
    one = route(aws)
    outside.statuses = [500]
    played(aws, one, outside)

    one.send()

    (letter,) = collected(one.taken, 1)
    assert len(outside.asked) == 3
    assert (letter["RETRY_ATTEMPTS"], letter["EXHAUSTED_RETRY_CONDITION"]) == ("2", "MaximumRetryAttempts")


def test_nobody_outside_this_machine_is_asked(aws: LocalAws) -> None:
    """A host without a stand-in is out of reach, and the letter says how to name one."""
    one = route(aws)

    one.send()

    (letter,) = collected(one.taken, 1)
    assert f"local stand-in {one.name}.example" in letter["ERROR_MESSAGE"]


@pytest.mark.parametrize("url", ["https://api.github.com", "http://10.0.0.1:80"])
def test_stand_in_elsewhere_is_refused(aws: LocalAws, url: str) -> None:
    """A stand-in is a server on this machine."""
    with pytest.raises(ConfigurationError, match="not on this machine"):
        cli.set_stand_in(aws.running, "api.github.com", url)


def test_role_without_the_right_sends_nothing(aws: LocalAws, outside: Outside) -> None:
    """The rule's role must be allowed to invoke the destination."""
    one = route(aws, grants="events:PutEvents")
    played(aws, one, outside)

    one.send()

    (letter,) = collected(one.taken, 1)
    assert letter["ERROR_CODE"] == "NO_PERMISSIONS"
    assert outside.asked == []


def test_queue_that_lets_nobody_in_keeps_nothing(aws: LocalAws, outside: Outside) -> None:
    """Without a policy for EventBridge the event is lost, as on AWS."""
    one = route(aws, letter_box=False)
    outside.statuses = [404]
    played(aws, one, outside)

    one.send()

    eventually(lambda: outside.asked, lambda asked: len(asked) == 1)
    said = eventually(
        lambda: aws.folder.log.read_text() if aws.folder.log.exists() else "", lambda log: one.name in log
    )
    assert "the event is lost" in [line for line in said.splitlines() if one.name in line][-1]
    assert one.taken() == []
