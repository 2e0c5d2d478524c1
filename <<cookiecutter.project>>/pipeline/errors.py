"""Every way this pipeline can fail: one class and one exit code a cause.

PipelineError
├── ConfigurationError       2   a setting, option or file of ours is missing or wrong
├── CredentialsMissing       3   AWS does not know who is calling
├── PermissionMissing        4   AWS knows, and refuses
├── AwsRefused               5   AWS rejected or failed a call
├── ImageMissing             6   the container image of this commit was never pushed
├── ImageFailed              7   docker could not build or push an image
├── TrainingFailed          10   the training job ended without a model
├── ModelMissing            11   nothing is trained or registered under that name
├── ArtifactCorrupt         12   bytes differ from their recorded sha256
├── GateFailed              20   the model missed a mark
├── GatesNotRun             21   register was asked for a model that no gate has seen
├── NotApproved             22   the environment wants an approval that is not there
├── DataInvalid             23   the data set contradicts the schema
├── CandidateRejected       30   the candidate broke a limit and was rolled back
├── ReleaseInProgress       31   somebody else is changing the endpoint
├── LeaseLost               32   another process took over the endpoint
├── RollbackRefused         33   the release must not, or cannot, serve again
├── EndpointUnrecovered     34   neither candidate nor champion could be made to serve
├── LedgerConflict          35   another writer took the ledger's next line
├── LedgerBroken            36   the ledger was altered, or cannot be read
├── PredictionUnknown       37   no record answers to an inference id
├── EndpointDrifted         38   the endpoint is not what was declared
├── ForeignEndpoint         39   the endpoint serves something of unknown origin
├── DriftFound              40   live data, predictions, quality or fairness left the baseline
├── DataInsufficient        41   the window holds too little to judge
├── MonitorBroken           42   the monitor could not do its work
└── DemoFailed              60   a step of the demo ended otherwise than it should
"""

from typing import ClassVar

from pipeline.result import Annotation


class PipelineError(Exception):
    """A failure with a message for people: what is wrong, where, and what to do next."""

    exit_code: ClassVar[int] = 1
    # What a runner shows beside the message: a report in Markdown, and remarks at the files at fault.
    summary: str = ""
    annotations: tuple[Annotation, ...] = ()

    def __init__(self, what: str, *, where: str | None = None, next_step: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_step = next_step

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.next_step:
            lines.append(f"  next:  {self.next_step}")
        return "\n".join(lines)


class ConfigurationError(PipelineError):
    """A setting, an option or a file of the project is missing or wrong."""

    exit_code = 2


class CredentialsMissing(PipelineError):
    """No usable AWS credentials: absent, expired or for the wrong account."""

    exit_code = 3


class PermissionMissing(PipelineError):
    """AWS refused an action to the role in use."""

    exit_code = 4


class AwsRefused(PipelineError):
    """AWS rejected a request, or kept failing it after every retry."""

    exit_code = 5


class ImageMissing(PipelineError):
    """The image that this commit's code makes is not in the registry."""

    exit_code = 6


class ImageFailed(PipelineError):
    """Docker could not build or push an image."""

    exit_code = 7


class TrainingFailed(PipelineError):
    """A training job ended without a model."""

    exit_code = 10


class ModelMissing(PipelineError):
    """No trained model or registered version answers to what was asked."""

    exit_code = 11


class ArtifactCorrupt(PipelineError):
    """A stored artefact's bytes are not those that were recorded."""

    exit_code = 12


class GateFailed(PipelineError):
    """The model missed at least one mark."""

    exit_code = 20


class GatesNotRun(PipelineError):
    """No gate report exists for the model that should be registered."""

    exit_code = 21


class NotApproved(PipelineError):
    """The environment requires an approval that the model version does not have."""

    exit_code = 22


class DataInvalid(PipelineError):
    """The data set contradicts the schema."""

    exit_code = 23


class DemoFailed(PipelineError):
    """A step of the demo ended otherwise than it should."""

    exit_code = 60


class DriftFound(PipelineError):
    """Live data, predictions, model quality or fairness differ from the release's baseline."""

    exit_code = 40


class DataInsufficient(PipelineError):
    """The window holds too little data to say anything; this is not a success."""

    exit_code = 41


class MonitorBroken(PipelineError):
    """The monitor could not judge: no baseline, unreadable captures or a fault of its own."""

    exit_code = 42


class CandidateRejected(PipelineError):
    """The candidate broke a limit and was rolled back; the champion serves."""

    exit_code = 30


class ReleaseInProgress(PipelineError):
    """Somebody else is changing the endpoint."""

    exit_code = 31


class LeaseLost(PipelineError):
    """Another process took over the endpoint; this one changes nothing more."""

    exit_code = 32


class RollbackRefused(PipelineError):
    """The release must not, or cannot, serve again."""

    exit_code = 33


class EndpointUnrecovered(PipelineError):
    """Neither the candidate nor the champion could be made to serve: a person is needed."""

    exit_code = 34


class LedgerConflict(PipelineError):
    """Another writer took the ledger's next line."""

    exit_code = 35


class LedgerBroken(PipelineError):
    """The ledger was altered, or cannot be read."""

    exit_code = 36


class PredictionUnknown(PipelineError):
    """No record answers to an inference id."""

    exit_code = 37


class EndpointDrifted(PipelineError):
    """The endpoint is not what the ledger and the configuration declare."""

    exit_code = 38


class ForeignEndpoint(PipelineError):
    """The endpoint serves something that this pipeline did not deploy."""

    exit_code = 39
