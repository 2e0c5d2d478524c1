"""IAM's decision: policies, boundary, resource policy, conditions and wildcards, as AWS's reference has them."""

from typing import Any

import pytest
from sagemaker_gitops.local.iam.actions import needed
from sagemaker_gitops.local.iam.authorizer import Decision, Role, decide
from sagemaker_gitops.local.iam.conditions import arn_matches, conditions_hold
from sagemaker_gitops.local.iam.policy import Access, Policy, Principal
from sagemaker_gitops.local.server.context import Place, Refusal

OWN, OTHER = "111111111111", "222222222222"
ARN = f"arn:aws:iam::{OWN}:role/worker"
OBJECT = "arn:aws:s3:::bucket/models/1.tar.gz"
READ = Access(action="s3:GetObject", resource=OBJECT)
PLACE = Place(account=OWN, region="eu-west-1")


def policy(*statements: dict[str, Any]) -> Policy:
    """Write a policy."""
    return Policy(name="policy", document={"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str = "s3:GetObject", resource: str = "*", **more: Any) -> dict[str, Any]:
    """Write a statement that allows."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str = "*", resource: str = "*", **more: Any) -> dict[str, Any]:
    """Write a statement that denies."""
    return {**allow(action, resource, **more), "Effect": "Deny"}


def decided(
    *policies: Policy,
    access: Access = READ,
    boundary: Policy | None = None,
    owner: str = OWN,
    shared: Policy | None = None,
) -> Decision:
    """Decide on an access of a role with some policies."""
    tags = {"aws:PrincipalTag/": (), "aws:PrincipalTag/team": ("risk",)}
    role = Role(principal=Principal(arn=ARN, account=OWN), policies=policies, boundary=boundary, tags=tags)
    return decide(role, access, owner=owner, resource_policy=shared)


def test_nothing_is_allowed_by_itself() -> None:
    """A role without a policy is refused, and told why."""
    decision = decided()

    assert not decision.allowed
    assert decision.reason == "because no identity-based policy allows it"


def test_one_statement_is_enough() -> None:
    """Action and resource match with their wildcards, the action in any case."""
    assert decided(policy(allow("s3:getobj*", "arn:aws:s3:::bucket/models/?.tar.gz"))).allowed
    assert not decided(policy(allow("s3:Get*", "arn:aws:s3:::bucket/model/*"))).allowed
    assert not decided(policy(allow("s3:GetObject", "arn:aws:s3:::BUCKET/*"))).allowed


@pytest.mark.parametrize("where", ["identity", "boundary", "resource"])
def test_one_denial_outweighs_everything(where: str) -> None:
    """Wherever it stands."""
    refusing = policy(allow("*"), deny("s3:*", Principal="*"))
    open_to_all = policy(allow("*", Principal="*"))

    decision = decided(
        refusing if where == "identity" else policy(allow("*")),
        boundary=refusing if where == "boundary" else policy(allow("*")),
        shared=refusing if where == "resource" else open_to_all,
    )

    assert not decision.allowed
    assert decision.reason == f"with an explicit deny in {where} policy"


def test_boundary_grants_nothing_and_limits_everything() -> None:
    """What it does not allow is refused, and what only it allows as well."""
    assert not decided(policy(allow("*")), boundary=policy(allow("s3:PutObject"))).allowed
    assert not decided(boundary=policy(allow("*"))).allowed
    assert decided(policy(allow("*")), boundary=policy(allow("s3:*"))).allowed


def test_another_account_must_agree() -> None:
    """Its resource's policy and the role's own, both."""
    own, shared = policy(allow()), policy(allow(Principal={"AWS": OWN}))

    assert not decided(own, owner=OTHER).allowed
    assert not decided(owner=OTHER, shared=shared).allowed
    assert decided(own, owner=OTHER, shared=shared).allowed
    assert not decided(own, owner=OTHER, shared=policy(allow(Principal={"AWS": OTHER}))).allowed


def test_resource_may_name_a_role_of_its_account() -> None:
    """That role needs no policy of its own, but still its boundary; naming the account names nobody."""
    named, account = policy(allow(Principal={"AWS": ARN})), policy(allow(Principal={"AWS": OWN}))

    assert decided(shared=named).allowed
    assert not decided(shared=named, boundary=policy(allow("ec2:*"))).allowed
    assert not decided(shared=account).allowed


def test_key_obeys_its_own_policy() -> None:
    """IAM counts for a key only where the key's policy hands over to the account."""
    access = Access(action="kms:Decrypt", resource=f"arn:aws:kms:eu-west-1:{OWN}:key/1")
    own = policy(allow("kms:Decrypt"))

    assert not decided(own, access=access, shared=policy(allow("kms:*", Principal={"AWS": OTHER}))).allowed
    assert decided(
        own, access=access, shared=policy(allow("kms:*", Principal={"AWS": f"arn:aws:iam::{OWN}:root"}))
    ).allowed


CONDITIONS = [
    ({"StringEquals": {"k": "a"}}, {"k": ("a",)}, True),
    ({"StringEquals": {"k": ["a", "b"]}}, {"K": ("b",)}, True),
    ({"StringEquals": {"k": "a"}}, {}, False),
    ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
    ({"StringEqualsIfExists": {"k": "a"}}, {"k": ("b",)}, False),
    ({"StringNotEquals": {"k": "a"}}, {}, True),
    ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": ("b",)}, False),
    ({"StringLike": {"k": "models/*"}}, {"k": ("models/1",)}, True),
    ({"StringLike": {"k": "models/*"}}, {"k": ("Models/1",)}, False),
    ({"Bool": {"k": "false"}}, {"k": ("true",)}, False),
    ({"Bool": {"k": False}}, {"k": ("false",)}, True),
    ({"Null": {"k": "true"}}, {}, True),
    ({"Null": {"k": "false"}}, {}, False),
    ({"NumericLessThan": {"k": "10"}}, {"k": ("9",)}, True),
    ({"ForAnyValue:StringEquals": {"k": "a"}}, {"k": ("b", "a")}, True),
    ({"ForAnyValue:StringEquals": {"k": "a"}}, {}, False),
    ({"ForAllValues:StringEquals": {"k": "a"}}, {"k": ("b", "a")}, False),
    ({"ForAllValues:StringEquals": {"k": "a"}}, {}, True),
    *[
        ({name: {"k": "1"}}, {}, True)
        for name in ("StringNotLike", "NumericNotEquals", "DateNotEquals", "NotIpAddress")
    ],
    ({"ArnNotEquals": {"k": "arn:aws:iam::1:role/a"}}, {}, True),
    ({"StringNotEqualsIgnoreCase": {"k": "a"}}, {}, True),
    ({"StringNotEqualsIfExists": {"k": "a"}}, {}, True),
    ({"NumericNotEquals": {"k": ["1", "2"]}}, {"k": ("2",)}, False),
    ({"ForAnyValue:StringNotEquals": {"k": "a"}}, {}, False),
    ({"ForAnyValue:StringEqualsIfExists": {"k": "a"}}, {}, False),
    ({"ForAllValues:StringEqualsIfExists": {"k": "a"}}, {}, True),
    ({"ForAllValues:StringNotLike": {"k": "a*"}}, {"k": ("b", "a1")}, False),
    ({"DateGreaterThan": {"k": "2026-01-01T00:00:00Z"}}, {"k": ("2026-11-29T12:00:00Z",)}, True),
    ({"DateLessThan": {"k": "1767225600"}}, {"k": ("2026-11-29T12:00:00Z",)}, False),
    ({"IpAddress": {"k": "127.0.0.0/8"}}, {"k": ("127.0.0.1",)}, True),
    ({"NotIpAddress": {"k": ["10.0.0.0/8", "127.0.0.1"]}}, {"k": ("127.0.0.1",)}, False),
    ({"StringEquals": {"kms:ResourceAliases": "alias/a"}}, {"kms:ResourceAliases": ("alias/a",)}, False),
    ({"StringEquals": {"k": "a"}, "Bool": {"l": "true"}}, {"k": ("a",), "l": ("false",)}, False),
]


@pytest.mark.parametrize(("condition", "context", "wanted"), CONDITIONS)
def test_condition_is_satisfied_as_in_the_reference(
    condition: dict[str, dict[str, object]], context: dict[str, tuple[str, ...]], wanted: bool
) -> None:
    """Missing keys, quantifiers, negations, and keys that carry many values."""
    assert conditions_hold(condition, {"k": (), "l": (), **context}) is wanted


def test_unknown_operator_is_an_error_and_not_a_guess() -> None:
    """A condition that cannot be judged must not be skipped."""
    with pytest.raises(Refusal, match="BinaryEquals"):
        conditions_hold({"BinaryEquals": {"k": "QQ=="}}, {"k": ("QQ==",)})


GLOBAL = [
    {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}},
    {"StringEquals": {"aws:PrincipalTag/team": "risk"}},
    {"Null": {"aws:PrincipalTag/cost": "true"}},
    {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}, "Bool": {"aws:PrincipalIsAWSService": "false"}},
    {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
    {"NumericGreaterThan": {"aws:EpochTime": "1600000000"}},
    {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"Null": {"aws:SourceVpce": "true"}},
    {"StringEquals": {"aws:PrincipalType": "AssumedRole", "aws:PrincipalAccount": OWN, "aws:ResourceAccount": OWN}},
    {"Bool": {"aws:ViaAWSService": "false", "aws:SecureTransport": "true"}},
]


@pytest.mark.parametrize("condition", GLOBAL)
def test_denial_on_a_global_key_bites(condition: dict[str, Any]) -> None:
    """Region, tags of the principal, time, address, account: filled as AWS documents them."""
    access = READ.within({"aws:RequestedRegion": ("eu-west-1",)})

    decision = decided(policy(allow("*"), deny("s3:*", Condition=condition)), access=access)

    assert decision.reason == "with an explicit deny in identity policy"


@pytest.mark.parametrize(
    "statement",
    [
        deny("s3:*", Condition={"StringEquals": {"aws:ResourceTag/team": "risk"}}),
        deny("s3:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
        deny("s3:*", Condition={"StringEqualsIfExists": {"s3:x-amz-acl": "public-read"}}),
        deny("s3:*", Condition={"Null": {"aws:TagKeys": "true"}}),
        deny("s3:*", Condition={"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}),
        deny("s3:*", Condition={"StringEquals": {"aws:SourceVpc": "${aws:PrincipalTag/vpc}"}}),
        allow("s3:*", "arn:aws:s3:::bucket/${aws:PrincipalTag/team}/*"),
    ],
)
def test_unknown_key_or_variable_in_a_policy_that_applies_is_a_501(statement: dict[str, Any]) -> None:
    """Never a silent "no match": what nobody fills decides nothing."""
    with pytest.raises(Refusal) as caught:
        decided(policy(allow("*"), statement))

    assert caught.value.code == "NotImplementedByLocalAWS"


def test_unknown_key_that_decides_nothing_is_none_of_our_business() -> None:
    """Another action, and another condition of the same statement that fails already."""
    other = deny("ec2:*", Condition={"StringEquals": {"aws:ResourceTag/team": "risk"}})
    failed = {"StringEquals": {"aws:ResourceTag/team": "risk", "aws:PrincipalAccount": OTHER}}

    assert decided(policy(allow("*"), other, deny("s3:*", Condition=failed))).allowed


@pytest.mark.parametrize(
    "named", [{"NotPrincipal": {"AWS": ARN}}, {"Principal": {"AWS": f"{ARN[:-6]}:assumed-role/a/b"}}]
)
def test_principal_that_is_not_compared_is_a_501(named: dict[str, Any]) -> None:
    """NotPrincipal, and sessions by name."""
    with pytest.raises(Refusal, match="local AWS"):
        decided(policy(allow("*")), shared=policy({**deny("s3:*"), **named}))


def test_wildcard_in_an_arn_stays_in_its_part() -> None:
    """`iam::*:role/x` is not fooled by a colon."""
    assert arn_matches("arn:aws:iam::*:role/p-*", f"arn:aws:iam::{OWN}:role/p-deploy")
    assert not arn_matches("arn:aws:iam::*:role/p-*", f"arn:aws:sts::{OWN}:role/p-deploy")
    assert not arn_matches("arn:*:role/p-*", f"arn:aws:iam::{OWN}:role/p-deploy")


def test_creation_needs_all_that_it_does() -> None:
    """The model itself, its tags, the role that is passed, and the other account's package."""
    package = f"arn:aws:sagemaker:eu-west-1:{OTHER}:model-package/group/1"
    params = {
        "ModelName": "m",
        "ExecutionRoleArn": ARN,
        "Tags": [{"Key": "k", "Value": "v"}],
        "Containers": [{"ModelPackageName": package}],
    }

    found = needed("sagemaker", "CreateModel", params, PLACE)

    model = f"arn:aws:sagemaker:eu-west-1:{OWN}:model/m"
    assert [(item.action, item.resource) for item in found] == [
        ("sagemaker:CreateModel", model),
        ("sagemaker:AddTags", model),
        ("iam:PassRole", ARN),
        ("sagemaker:DescribeModelPackage", package),
        ("sagemaker:CreateModel", package),
    ]


def test_transaction_needs_each_of_its_actions() -> None:
    """TransactWriteItems is no action of its own."""
    items = [{"Put": {"TableName": "ledger"}}, {"ConditionCheck": {"TableName": "lease"}}]

    found = needed("dynamodb", "TransactWriteItems", {"TransactItems": items}, PLACE)

    assert [item.action for item in found] == ["dynamodb:PutItem", "dynamodb:ConditionCheckItem"]


def test_dashboard_is_named_by_an_arn_without_a_region() -> None:
    """Dashboards are an account's."""
    (found,) = needed("cloudwatch", "PutDashboard", {"DashboardName": "churn-dev", "DashboardBody": "{}"}, PLACE)

    assert found == Access(action="cloudwatch:PutDashboard", resource=f"arn:aws:cloudwatch::{OWN}:dashboard/churn-dev")


def test_call_of_unknown_needs_is_refused() -> None:
    """A role cannot slip through by a service that nobody described."""
    with pytest.raises(Refusal, match="authorization of lambda"):
        needed("lambda", "Invoke", {}, PLACE)
