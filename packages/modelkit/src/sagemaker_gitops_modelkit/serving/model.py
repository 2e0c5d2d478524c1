"""What /opt/ml/model holds, verified and ready to answer."""

from typing import Self

import msgspec

from sagemaker_gitops_modelkit.serving.artifact import read_artifact
from sagemaker_gitops_modelkit.serving.predictor import Predictor
from sagemaker_gitops_modelkit.serving.schema import Schema, parse_schema
from sagemaker_gitops_modelkit.serving.settings import Settings


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model that has passed its self-test, and the schema of its rows."""

    schema: Schema
    predictor: Predictor

    @classmethod
    def load(cls, settings: Settings, predictor: type[Predictor] = Predictor) -> Self:
        """Verify the model folder, load the model and let it pass its self-test."""
        contents = read_artifact(settings.model_folder, max_bytes=settings.max_model_bytes)
        schema = parse_schema(contents["schema.json"])
        return cls(schema=schema, predictor=predictor(contents["model.onnx"], schema, threads=settings.core_count))
