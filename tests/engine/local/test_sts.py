"""STS: who gets a role's credentials, and what is left of them."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from sagemaker_gitops.local.server.cli import set_stand_in
from tests.engine.local.harness import ACCOUNT, REGION, ROLE, LocalAws, refused

KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
HOST = "issuer.example.com"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
SUBJECT = "repo:loans:environment:prod"
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def role(aws: LocalAws, principal: dict[str, str], action: str = "sts:AssumeRole", **condition: Any) -> str:
    """Make a role that trusts somebody; return its ARN."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    name = f"trusting-{uuid.uuid4().hex[:8]}"
    return str(aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)["Role"]["Arn"])


def code(aws: LocalAws, arn: str, key: str = "local", **more: Any) -> str:
    """Return the code by which STS refuses a role."""
    return refused(aws.client("sts", key=key).assume_role, RoleArn=arn, RoleSessionName="me", **more)[0]


def test_role_is_assumed_by_whom_it_trusts(aws: LocalAws) -> None:
    """The account's administrator, where the role trusts the account, and knows the external id it wants."""
    open_, closed = role(aws, ROOT), role(aws, ROOT, StringEquals={"sts:ExternalId": "77"})

    for arn, more in ((open_, {}), (closed, {"ExternalId": "77"})):
        answer = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="me", **more)
        assert answer["AssumedRoleUser"]["Arn"].endswith("/me")

    assert (code(aws, closed), code(aws, closed, ExternalId="88")) == ("AccessDenied", "AccessDenied")


def test_role_that_trusts_somebody_else_is_not_assumed(aws: LocalAws) -> None:
    """A service, another account, an identity provider; and a role that does not exist trusts nobody."""
    others = [{"Service": "sagemaker.amazonaws.com"}, {"AWS": "999988887777"}, {"Federated": PROVIDER}]

    assert [code(aws, role(aws, other)) for other in others] == ["AccessDenied"] * 3
    assert code(aws, f"{ROLE}-absent") == "AccessDenied"


def test_role_needs_both_its_own_policy_and_the_others_trust(aws: LocalAws) -> None:
    """From role to role, and for an hour at most."""
    target = role(aws, ROOT)
    allowed, silent = role(aws, ROOT), role(aws, ROOT)
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_role_policy(RoleName=allowed.rpartition("/")[2], PolicyName="a", PolicyDocument=policy)
    key = aws.session(allowed)

    assert aws.client("sts", key=key).assume_role(RoleArn=target, RoleSessionName="me")["Credentials"]
    assert code(aws, target, aws.session(silent)) == "AccessDenied"
    assert code(aws, ROLE, key) == "AccessDenied"
    assert code(aws, target, key, DurationSeconds=3601) == "ValidationError"


def test_session_longer_than_its_role_allows(aws: LocalAws) -> None:
    """MaxSessionDuration, an hour unless the role says more."""
    assert code(aws, role(aws, ROOT), DurationSeconds=7200) == "ValidationError"


@pytest.mark.parametrize(
    "more",
    [
        {"Policy": json.dumps({"Version": "2012-10-17", "Statement": []})},
        {"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]},
        {"Tags": [{"Key": "team", "Value": "risk"}]},
        {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/me", "TokenCode": "123456"},
        {"SourceIdentity": "me"},
    ],
)
def test_narrower_session_is_not_faked(aws: LocalAws, more: dict[str, Any]) -> None:
    """Session policies and tags would be ignored: 501."""
    assert code(aws, role(aws, ROOT), **more) == "NotImplementedByLocalAWS"


def test_other_ways_to_credentials_are_not_faked(aws: LocalAws) -> None:
    """Moto's are constants."""
    sts = aws.client("sts")

    assert refused(sts.get_session_token)[0] == "NotImplementedByLocalAWS"
    assert refused(sts.get_federation_token, Name="me")[0] == "NotImplementedByLocalAWS"


@pytest.fixture
def issuer(aws: LocalAws) -> Iterator[None]:
    """Serve an issuer's keys, and make it the account's identity provider."""
    documents = {
        "/.well-known/openid-configuration": {"jwks_uri": f"https://{HOST}/keys"},
        "/keys": {"keys": [{**RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "1"}]},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(documents[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    set_stand_in(aws.running, HOST, f"http://127.0.0.1:{server.server_port}")
    iam = aws.client("iam")
    iam.create_open_id_connect_provider(Url=f"https://{HOST}", ClientIDList=["sts.amazonaws.com"])
    yield
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
    server.shutdown()


def trade(aws: LocalAws, arn: str, *, key: rsa.RSAPrivateKey = KEY, kid: str = "1", **changes: Any) -> dict[str, Any]:
    """Trade a token for a role's credentials; unsigned, as the token is all that there is."""
    now = int(time.time())
    claims = {"iss": f"https://{HOST}", "aud": "sts.amazonaws.com", "sub": SUBJECT, "exp": now + 60, **changes}
    token = jwt.encode(claims, key, "RS256", headers={"kid": kid})
    sts = boto3.client(
        "sts", endpoint_url=aws.running.endpoint_url, region_name=REGION, config=Config(signature_version=UNSIGNED)
    )
    return dict(sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="run-1", WebIdentityToken=token))


def trusting(aws: LocalAws) -> str:
    """Make a role that trusts one subject's tokens."""
    wanted = {f"{HOST}:aud": "sts.amazonaws.com", f"{HOST}:sub": SUBJECT}
    return role(aws, {"Federated": PROVIDER}, "sts:AssumeRoleWithWebIdentity", StringEquals=wanted)


@pytest.mark.usefixtures("issuer")
def test_token_of_the_trusted_subject_is_traded(aws: LocalAws) -> None:
    """The credentials are the role's."""
    arn = trusting(aws)

    keys = trade(aws, arn)["Credentials"]

    who = aws.client("sts", key=keys["AccessKeyId"]).get_caller_identity()["Arn"]
    assert who == f"arn:aws:sts::{ACCOUNT}:assumed-role/{arn.rpartition('/')[2]}/run-1"


@pytest.mark.usefixtures("issuer")
@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"sub": "repo:loans:pull_request"}, "AccessDenied"),
        ({"aud": "somebody"}, "InvalidIdentityToken"),
        ({"exp": 1}, "ExpiredTokenException"),
        ({"key": OTHER_KEY}, "InvalidIdentityToken"),
        ({"kid": "2"}, "InvalidIdentityToken"),
        ({"iss": "https://elsewhere.example.com"}, "InvalidIdentityToken"),
    ],
)
def test_token_that_proves_nothing_is_refused(aws: LocalAws, changes: dict[str, Any], wanted: str) -> None:
    """Another subject, audience, issuer or key, and one that has expired."""
    arn = trusting(aws)

    assert refused(trade, aws=aws, arn=arn, **changes)[0] == wanted


@pytest.mark.usefixtures("issuer")
def test_junk_and_claims_that_a_token_lacks(aws: LocalAws) -> None:
    """No JWT at all; and a trust policy on a claim that is not there lets nobody in."""
    lacking = role(
        aws, {"Federated": PROVIDER}, "sts:AssumeRoleWithWebIdentity", StringEquals={f"{HOST}:environment": "prod"}
    )
    junk = {"RoleArn": trusting(aws), "RoleSessionName": "run-1", "WebIdentityToken": "junk"}

    assert refused(aws.client("sts").assume_role_with_web_identity, **junk)[0] == "InvalidIdentityToken"
    assert refused(trade, aws=aws, arn=lacking)[0] == "AccessDenied"
