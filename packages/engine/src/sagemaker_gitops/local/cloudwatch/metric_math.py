"""CloudWatch metric math: arithmetic and the common functions over series."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sagemaker_gitops.local.server.context import Refusal, unsupported

Points = dict[float, float]
"""A value for each period's start."""

Value = Points | float | list[Points]

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARE: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


@dataclass(frozen=True, kw_only=True)
class Math:
    """Evaluates expressions over the series that other queries gave, by id."""

    series: Mapping[str, Points]
    periods: tuple[float, ...]

    def evaluate(self, expression: str) -> Points:
        """Return the series that an expression describes."""
        try:
            tree = ast.parse(expression.strip(), mode="eval").body
        except SyntaxError as problem:
            raise Refusal("ValidationError", f"Error in expression '{expression}': {problem.msg}") from None
        value = self._value(tree)
        if isinstance(value, list):
            raise Refusal("ValidationError", f"The expression '{expression}' gives several time series.")
        return dict.fromkeys(self.periods, value) if isinstance(value, float) else value

    def _value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return float(node.value)
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.List):
            return [_points(self._value(item)) for item in node.elts]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node.func.id, node.args)
        return self._operation(node)

    def _operation(self, node: ast.expr) -> Value:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return _combine(operator.sub, 0.0, self._value(node.operand))
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return _combine(_BINARY[type(node.op)], self._value(node.left), self._value(node.right))
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
            compare = _COMPARE[type(node.ops[0])]
            return _combine(lambda a, b: float(compare(a, b)), self._value(node.left), self._value(node.comparators[0]))
        raise unsupported(f"the metric math {ast.unparse(node)}")

    def _named(self, name: str) -> Points:
        if name not in self.series:
            raise Refusal("ValidationError", f"The expression refers to {name}, which is no query's id.")
        return self.series[name]

    def _call(self, name: str, arguments: list[ast.expr]) -> Value:
        if name == "METRICS":
            return list(self.series.values())
        values = [self._value(argument) for argument in arguments]
        if len(values) != _ARGUMENTS.get(name, 1):
            raise Refusal("ValidationError", f"{name} was given {len(values)} arguments.")
        if name == "FILL":
            return self._fill(values[0], values[1])
        if name == "IF":
            return self._choose(*values)
        if name in _REDUCE:
            return _reduce(_REDUCE[name], values[0])
        if name in _EACH:
            return {moment: _EACH[name](value) for moment, value in _points(values[0]).items()}
        raise unsupported(f"the metric math function {name}")

    def _fill(self, value: Value, filler: Value) -> Points:
        points = _points(value)
        return {moment: points.get(moment, _at(filler, moment)) for moment in self.periods}

    def _choose(self, condition: Value, then: Value, otherwise: Value) -> Points:
        chosen = {moment: then if hit else otherwise for moment, hit in _points(condition).items()}
        return {m: _at(side, m) for m, side in chosen.items() if isinstance(side, float) or m in _points(side)}


_REDUCE: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum,
    "AVG": lambda values: sum(values) / len(values),
    "MIN": min,
    "MAX": max,
}
_ARGUMENTS = {"FILL": 2, "IF": 3}
_EACH: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}


def _points(value: Value) -> Points:
    if not isinstance(value, dict):
        raise Refusal("ValidationError", "A metric math function was given a number where it takes a time series.")
    return value


def _at(value: Value, moment: float) -> float:
    return value if isinstance(value, float) else _points(value)[moment]


def _combine(operation: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if isinstance(left, list) or isinstance(right, list):
        raise unsupported("metric math between lists of time series")
    if isinstance(left, float) and isinstance(right, float):
        return operation(left, right)
    moments = [set(side) for side in (left, right) if isinstance(side, dict)]
    shared = sorted(set.intersection(*moments))
    safe = _without_zero_division(operation)
    found = {moment: safe(_at(left, moment), _at(right, moment)) for moment in shared}
    return {moment: value for moment, value in found.items() if value is not None}


def _without_zero_division(
    operation: Callable[[float, float], float],
) -> Callable[[float, float], float | None]:
    def safe(left: float, right: float) -> float | None:
        try:
            return operation(left, right)
        except ZeroDivisionError:
            # CloudWatch gives no data point there.
            return None

    return safe


def _reduce(function: Callable[[list[float]], float], value: Value) -> Value:
    if isinstance(value, list):
        moments = sorted({moment for points in value for moment in points})
        return {m: function([points[m] for points in value if m in points]) for m in moments}
    points = _points(value)
    return function(list(points.values())) if points else {}
