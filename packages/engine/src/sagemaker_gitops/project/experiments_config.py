"""Where experiments are kept."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

# An MLflow app or tracking server of SageMaker by its ARN, or a SQLite file by its path.
TRACKING = (
    r"^(sqlite:///[^?#]+"
    r"|arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:mlflow-(app|tracking-server)/[A-Za-z0-9-]{1,255})$"
)


class ExperimentsConfig(BaseModel):
    """The MLflow that runs are logged to, and the experiment they belong to; by default the project's name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracking: Annotated[str, StringConstraints(pattern=TRACKING)]
    name: Annotated[str, StringConstraints(pattern=r"^[\w.:/=+@-]*$", max_length=250)] = ""

    @property
    def managed(self) -> bool:
        """Tell whether SageMaker keeps the runs, and not a file of this machine."""
        return self.tracking.startswith("arn:")
