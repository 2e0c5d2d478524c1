"""PutRule and PutTargets: which definitions EventBridge takes. Moto would keep any.

Source: EventBridge User Guide, "Schedule expressions" and "Input transformation"; API Reference, "PutRule".
"""

import json

import regex

from sagemaker_gitops.local.events.inputs import PLACEHOLDER, PREDEFINED
from sagemaker_gitops.local.events.patterns import check_pattern
from sagemaker_gitops.local.server.context import Document, Refusal, unsupported

_RATE = regex.compile(r"rate\((?:1 (?:minute|hour|day)|(?!1 )[1-9]\d* (?:minutes|hours|days))\)")
_MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_DAYS = "SUN|MON|TUE|WED|THU|FRI|SAT"


def _field(value: str, *, special: str = "") -> str:
    """Write the expression of a cron field: lists of values, ranges and steps, or something special alone."""
    one = rf"(?:\*|(?:{value})(?:-(?:{value}))?)(?:/\d+)?"
    return rf"(?:{one}(?:,{one})*{special})"


_DAY_OF_MONTH = _field("[1-9]|[12][0-9]|3[01]", special=r"|L|(?:[1-9]|[12][0-9]|3[01])W|LW")
_DAY_OF_WEEK = _field(f"[1-7]|{_DAYS}", special=rf"|L|(?:[1-7]|{_DAYS})L|(?:[1-7]|{_DAYS})#[1-5]")
_MONTH = _field(f"[1-9]|1[0-2]|{_MONTHS}")
# One of the two days is a question mark.
_CRON = regex.compile(
    rf"cron\({_field('[0-5]?[0-9]')} {_field('1?[0-9]|2[0-3]')} "
    rf"(?:{_DAY_OF_MONTH} {_MONTH} \?|\? {_MONTH} {_DAY_OF_WEEK}) "
    rf"{_field('19[7-9][0-9]|2[01][0-9][0-9]')}\)"
)
_INPUTS = ("Input", "InputPath", "InputTransformer")
_DELIVERED = frozenset(
    {"Id", "Arn", "RoleArn", *_INPUTS, "DeadLetterConfig", "HttpParameters", "RetryPolicy", "SqsParameters"}
)


def check_rule(params: Document) -> None:
    """Refuse a rule that EventBridge refuses."""
    schedule, pattern = params.get("ScheduleExpression"), params.get("EventPattern")
    if not schedule and not pattern:
        raise _invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if schedule and not (_RATE.fullmatch(schedule) or _CRON.fullmatch(schedule)):
        raise _invalid("Parameter ScheduleExpression is not valid.")
    if schedule and str(params.get("EventBusName", "default")).rpartition("/")[2] != "default":
        raise _invalid("ScheduleExpression is supported only on the default event bus.")
    if pattern:
        check_pattern(parsed_pattern(pattern))


def parsed_pattern(text: str) -> object:
    """Read a pattern, or refuse what is no JSON."""
    try:
        return json.loads(text)
    except ValueError as problem:
        raise Refusal("InvalidEventPatternException", f"Event pattern is not valid. Reason: {problem}") from None


def check_targets(params: Document) -> None:
    """Refuse targets that EventBridge refuses, or that would get something else than they would on AWS."""
    for target in params.get("Targets", []):
        if more := sorted(set(target) - _DELIVERED):
            raise unsupported(f"{', '.join(more)} of a target")
        if sum(name in target for name in _INPUTS) > 1:
            raise _invalid(
                f"Only one of Input, InputPath, or InputTransformer must be provided for target {target['Id']}."
            )
        if transformer := target.get("InputTransformer"):
            known = {*transformer.get("InputPathsMap", {}), *PREDEFINED}
            used = PLACEHOLDER.findall(str(transformer["InputTemplate"]))
            if wrong := [name for name in used if name not in known]:
                raise _invalid(f"InputTemplate for target {target['Id']} contains invalid placeholder {wrong[0]}.")


def _invalid(message: str) -> Refusal:
    return Refusal("ValidationException", message)
