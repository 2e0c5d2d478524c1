"""HTML pages from the templates beside this module: one look, and every value escaped."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A plot as SVG and its caption; a wide one takes the page's whole width."""

    svg: str
    caption: str
    wide: bool = False


def render(template: str, /, **values: object) -> str:
    """Fill in a template; each extends `base.html`, which needs a `title` and a `lead`."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    # Only a command that makes a page waits for this import.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    return Environment(
        loader=PackageLoader("sagemaker_gitops.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
