"""model/inference/openapi.yml beside model/config/schema.json: written from it, and held against it."""

from pathlib import Path

import yaml

from sagemaker_gitops.errors import Annotation
from sagemaker_gitops.project import api_text
from sagemaker_gitops.project.api_description import describe
from sagemaker_gitops.project.api_differences import Document, differences
from sagemaker_gitops.project.config import read_project
from sagemaker_gitops.project.contract_change import API
from sagemaker_gitops.project.model_schema import ModelSchema
from sagemaker_gitops.project.schema_documents import line_of

SERVER = "model/inference/serve.py"
# A container that answers by code of its own has an API of its own as well.
_OURS = "sagemaker_gitops_modelkit.serving"


def make(root: Path, schema: ModelSchema) -> str:
    """Return the description that schema.json implies, with the words of the one that is there."""
    title = read_project(root / "infra" / "config").project.replace("-", " ").capitalize()
    return api_text.render(api_text.keep_words(describe(schema, title=title), _read(root)))


def check(root: Path, schema: ModelSchema) -> tuple[Annotation, ...]:
    """Find each place where the description of the modelkit's server contradicts schema.json."""
    server = root / SERVER
    if not server.is_file() or _OURS not in server.read_text(encoding="utf-8"):
        return ()
    text = (root / API).read_text(encoding="utf-8")
    return tuple(
        Annotation(
            message=f"{'.'.join(map(str, path))} {what}; `pipeline schema --write` makes the file from schema.json",
            file=API,
            line=line_of(text, path),
        )
        for path, what in differences(describe(schema, title=""), _read(root))
    )


def _read(root: Path) -> Document:
    try:
        document = yaml.safe_load((root / API).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}  # what is wrong with the text itself, Spectral says by line
    return document if isinstance(document, dict) else {}
