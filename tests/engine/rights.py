"""The reference's section on IAM: what each role may do, statement by statement, and what has no narrower resource."""

from collections import defaultdict

from tests.engine.policies import Held, listed, of_roles

_ENVIRONMENTS = ("dev", "staging", "prod")
_WHY = {
    "application-autoscaling:DescribeScalableTargets": "AWS knows no resource for it",
    "application-autoscaling:DescribeScalingPolicies": "AWS knows no resource for it",
    "cloudwatch:GetMetricData": "a metric is no resource; it only reads numbers",
    "cloudwatch:PutMetricData": "a metric is no resource; a condition names the namespace",
    "ecr:GetAuthorizationToken": "AWS knows no resource for it; what the token opens is granted by repository",
}
_HEAD = """## IAM by role

Names begin with the project's. `<env>` is dev, staging or prod: one template makes the three. `deploy` and
`rollback` hold `operate`. Each role is bounded by a permissions boundary of its environment, or of the registry's
account, which grants nothing. `make acceptance` measures that each statement is needed, and that nothing beyond is.
"""
_STARS = """### Granted on every resource

`Resource: "*"` stands in a role's policy for these actions alone.

| action | roles | why |
|---|---|---|"""


def render() -> str:
    """Return the section."""
    tables = ["\n".join([f"### {name}", "", *_table(held)]) for name, held in sorted(_by_role().items())]
    return "\n".join([_HEAD, "\n\n".join(tables), "", _STARS, *_stars(), ""])


def _by_role() -> dict[str, list[Held]]:
    found: dict[str, dict[str, list[Held]]] = defaultdict(lambda: defaultdict(list))
    for held in of_roles():
        found[_family(held)][_sids(held)].append(held)
    # What only prod has stands under prod; the rest is the same everywhere.
    single = {name: held for name, by_sids in found.items() for held in by_sids.values() if len(held) == 1}
    return {
        (name if name not in single else single[name][0].holder.removeprefix("project-")): [
            held[0] for held in by_sids.values()
        ]
        for name, by_sids in found.items()
    }


def _family(held: Held) -> str:
    name = held.holder.removeprefix("project-")
    stem, _, env = name.rpartition("-")
    return f"{stem}-&lt;env&gt;" if env in _ENVIRONMENTS and name != "train-dev" else name


def _sids(held: Held) -> str:
    return ",".join(item["Sid"] for item in held.statements())


def _table(policies: list[Held]) -> list[str]:
    rows = [_row(item) for held in policies for item in held.statements()]
    return ["| for | actions | on | if |", "|---|---|---|---|", *rows]


def _row(statement: dict[str, object]) -> str:
    conditions = statement.get("Condition", {})
    narrowed = [
        f"`{key}` {operator} `{_generic(', '.join(listed(value)))}`"
        for operator, keys in (conditions.items() if isinstance(conditions, dict) else ())
        for key, value in keys.items()
    ]
    actions = ", ".join(f"`{action}`" for action in _texts(statement["Action"]))
    resources = "<br>".join(f"`{_short(resource)}`" for resource in _texts(statement["Resource"]))
    return f"| {statement['Sid']} | {actions} | {resources} | {'<br>'.join(narrowed)} |"


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _short(arn: str) -> str:
    return _generic(arn if arn == "*" else arn.split(":", 5)[-1] if arn.count(":") >= 5 else arn)


def _generic(text: str) -> str:
    for env in _ENVIRONMENTS:
        text = text.replace(f"-{env}", "-<env>").replace(f"/{env}/", "/<env>/")
    for account, name in {"777788889999": "<registry>", "111122223333": "<account>"}.items():
        text = text.replace(account, name)
    return text.replace("eu-west-1", "<region>").replace("project-", "<project>-").replace("/project/", "/<project>/")


def _stars() -> list[str]:
    holders: dict[str, set[str]] = defaultdict(set)
    for held in of_roles():
        for item in held.statements():
            if "*" in _texts(item["Resource"]):
                for action in _texts(item["Action"]):
                    holders[action].add(_family(held))
    return [
        f"| `{action}` | {', '.join(sorted(roles))} | {_WHY[action]} |" for action, roles in sorted(holders.items())
    ]
