"""Templates: YAML with its short tags and parameters, and nothing that would not be applied here."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from sagemaker_gitops.local.server.context import Document, Place, Refusal, unsupported

_SECTIONS = frozenset(
    {"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Conditions", "Resources", "Outputs"}
)
_ATTRIBUTES = frozenset(
    {"Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"}
)
_SUBSTITUTED = re.compile(r"\$\{(!?)([^}]+)\}")


def refused(message: str) -> Refusal:
    """Return CloudFormation's answer to a template or request that it cannot accept."""
    return Refusal("ValidationError", message)


class _Loader(yaml.CSafeLoader):
    """YAML with !Ref, !Sub and their like, and dates left as text."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> Document:
    value: object
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)
_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in resolvers if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource as its template declares it."""

    logical_id: str
    type: str
    properties: Document
    condition: str | None
    deletion_policy: str
    replace_policy: str
    references: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Template:
    """A parsed template."""

    body: str
    description: str
    parameters: Document
    conditions: Document
    resources: dict[str, Resource]
    outputs: Document = field(default_factory=dict)


def parse_template(body: str) -> Template:
    """Parse a template, and refuse what the embedded AWS would otherwise skip in silence."""
    try:
        # CloudFormation's YAML has no aliases.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(body, _Loader)):
            raise refused("Template format error: YAML aliases are not allowed in CloudFormation templates")
        # _Loader builds on SafeLoader: plain values, and dictionaries for the tags.
        document = yaml.load(body, _Loader)  # noqa: S506
    except yaml.YAMLError as problem:
        raise refused(f"Template format error: {problem}") from None
    if not isinstance(document, dict) or not document.get("Resources"):
        raise refused("Template format error: At least one Resources member must be defined.")
    if unknown := sorted(set(document) - _SECTIONS):
        raise unsupported(f"the template sections {', '.join(unknown)}")
    names = frozenset(document["Resources"])
    return Template(
        body=body,
        description=document.get("Description", ""),
        parameters=document.get("Parameters", {}),
        conditions=document.get("Conditions", {}),
        resources={name: _resource(name, item, names) for name, item in document["Resources"].items()},
        outputs=document.get("Outputs", {}),
    )


def _resource(name: str, item: Document, names: frozenset[str]) -> Resource:
    if unknown := sorted(set(item) - _ATTRIBUTES):
        raise unsupported(f"the attributes {', '.join(unknown)} of resource {name}")
    properties = item.get("Properties", {})
    needed = item.get("DependsOn", [])
    referred = {*([needed] if isinstance(needed, str) else needed), *(set(_references(properties)) & names)}
    if missing := sorted(referred - names):
        raise refused(f"Template error: {name} depends on {', '.join(missing)}, which the template does not have")
    return Resource(
        logical_id=name,
        type=item["Type"],
        properties=properties,
        condition=item.get("Condition"),
        deletion_policy=item.get("DeletionPolicy", "Delete"),
        replace_policy=item.get("UpdateReplacePolicy", "Delete"),
        references=frozenset(referred),
    )


def substituted(text: str) -> Iterator[re.Match[str]]:
    """Find what Fn::Sub replaces in a text: group 1 is the ! of a literal, group 2 the name."""
    return _SUBSTITUTED.finditer(text)


def _references(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "Ref":
            yield item
        elif key == "Fn::GetAtt":
            yield item[0]
        elif key == "Fn::Sub":
            text = item if isinstance(item, str) else item[0]
            yield from (found[2].split(".")[0] for found in substituted(text) if not found[1])
        yield from _references(item)


def ordered(template: Template, wanted: set[str]) -> list[Resource]:
    """Return resources so that each comes after what it refers to."""
    done: dict[str, Resource] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise refused(f"Circular dependency between resources: [{', '.join(above)}]")
        if name in done or name not in wanted:
            return
        for needed in sorted(template.resources[name].references):
            visit(needed, (*above, name))
        done[name] = template.resources[name]

    for name in template.resources:
        visit(name, ())
    return list(done.values())


_LISTS = frozenset({"CommaDelimitedList"})
_SCALARS = frozenset({"String", "Number"})


def resolve_parameters(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """Return the value of every parameter, checked against its declaration."""
    if unknown := sorted(set(given) - set(template.parameters)):
        raise refused(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    found = {name: str(given.get(name, item.get("Default"))) for name, item in template.parameters.items()}
    if missing := [n for n, item in template.parameters.items() if n not in given and "Default" not in item]:
        raise refused(f"Parameters: [{', '.join(missing)}] must have values")
    for name, item in template.parameters.items():
        _check(name, item, found[name])
    return found


def evaluate_parameters(
    template: Template, values: Mapping[str, str], *, place: Place, stack_name: str, stack_id: str
) -> dict[str, object]:
    """Return what Ref answers: parameters in their types, and the pseudo parameters."""
    typed = {name: _typed(template.parameters[name], value) for name, value in values.items()}
    return {
        **typed,
        "AWS::AccountId": place.account,
        "AWS::Region": place.region,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": stack_name,
        "AWS::StackId": stack_id,
    }


def _typed(declaration: Document, value: str) -> object:
    if declaration["Type"] == "Number":
        return float(value) if "." in value else int(value)
    return value.split(",") if declaration["Type"] in _LISTS else value


def _check(name: str, declaration: Document, value: str) -> None:
    kind = declaration["Type"]
    if kind not in _LISTS | _SCALARS:
        raise unsupported(f"the parameter type {kind}")
    allowed = [str(item) for item in declaration.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise refused(f"Parameter '{name}' must be one of AllowedValues")
    items = value.split(",") if kind in _LISTS else [value]
    pattern = declaration.get("AllowedPattern")
    if pattern and not all(re.fullmatch(pattern, item) for item in items):
        raise refused(f"Parameter '{name}' must match pattern {pattern}")
    if kind == "Number" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        raise refused(f"Parameter '{name}' must be a number")
    if not int(declaration.get("MinLength", 0)) <= len(value) <= int(declaration.get("MaxLength", 4096)):
        raise refused(f"Parameter '{name}' has a length that is not allowed")
