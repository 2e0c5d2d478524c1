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
├── DataTransferFailed      13   DVC could not move data to or from its remote
├── DataChanged             14   a file of the data set is not the one its pointer names
├── TuningFailed            15   a search for hyperparameters found none
├── GateFailed              20   the model missed a threshold
├── GatesNotRun             21   register was asked for a model that no gate has seen
├── NotApproved             22   the environment wants an approval that is not there
├── DataInvalid             23   the data set contradicts the schema
├── FeaturesAbsent          24   the feature store has no record of what was asked for
├── ReleaseFrozen           25   infra/config/freeze.json stops releases to prod for a time
├── DrillTooSlow            29   a rehearsed rollback took longer than promised
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
├── LintFailed              50   a linter found something
├── SchemaBroken            51   configuration, data or API description is wrong, or breaks callers
├── ProtectionMissing       52   GitHub does not protect the environment as declared
├── GitHubRefused           53   GitHub rejected or failed a call
├── DemoFailed              60   a step of the demo ended otherwise than it should
├── TemplateUnusable        61   the template cannot be fetched or baked
├── UpgradeConflicts        62   an upgrade and this project changed the same lines
├── UpgradeUnsound          63   an upgrade merged, and the project's own checks fail since
├── StackFailed             70   CloudFormation could not make a stack as declared
└── FoundationIncomplete    71   something on AWS or GitHub is missing or was changed by hand
"""

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A remark tied to a file, shown where a reviewer reads that file."""

    message: str
    file: str
    line: int = 1
    level: Literal["notice", "warning", "error"] = "error"


class PipelineError(Exception):
    """A failure with a message for people: what is wrong, where, and what to do next."""

    exit_code: ClassVar[int] = 1
    # What a runner shows beside the message: a report in Markdown, and remarks at the files at fault.
    summary: str = ""
    annotations: tuple[Annotation, ...] = ()

    def __init_subclass__(cls, *, exit_code: int) -> None:
        cls.exit_code = exit_code

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


class ConfigurationError(PipelineError, exit_code=2):
    """A setting, an option or a file of the project is missing or wrong."""


class CredentialsMissing(PipelineError, exit_code=3):
    """No usable AWS credentials: absent, expired or for the wrong account."""


class PermissionMissing(PipelineError, exit_code=4):
    """AWS refused an action to the role in use."""


class AwsRefused(PipelineError, exit_code=5):
    """AWS rejected a request, or kept failing it after every retry."""


class ImageMissing(PipelineError, exit_code=6):
    """The image that this commit's code makes is not in the registry."""


class ImageFailed(PipelineError, exit_code=7):
    """Docker could not build or push an image."""


class TrainingFailed(PipelineError, exit_code=10):
    """A training job ended without a model."""


class ModelMissing(PipelineError, exit_code=11):
    """No trained model or registered version answers to what was asked."""


class ArtifactCorrupt(PipelineError, exit_code=12):
    """A stored artefact's bytes are not those that were recorded."""


class DataTransferFailed(PipelineError, exit_code=13):
    """DVC could not move data to or from its remote."""


class DataChanged(PipelineError, exit_code=14):
    """A file of the data set is not the one that its pointer in Git names."""


class TuningFailed(PipelineError, exit_code=15):
    """A tuning job ended without a trial that could be compared."""


class GateFailed(PipelineError, exit_code=20):
    """The model missed at least one threshold."""


class GatesNotRun(PipelineError, exit_code=21):
    """No gate report exists for the model that should be registered."""


class NotApproved(PipelineError, exit_code=22):
    """The environment requires an approval that the model version does not have."""


class DataInvalid(PipelineError, exit_code=23):
    """The data set contradicts the schema."""


class FeaturesAbsent(PipelineError, exit_code=24):
    """The feature store has no record of what was asked for."""


class ReleaseFrozen(PipelineError, exit_code=25):
    """A freeze of infra/config/freeze.json stops releases to prod; rollbacks go on."""


class DemoFailed(PipelineError, exit_code=60):
    """A step of the demo ended otherwise than it should."""


class TemplateUnusable(PipelineError, exit_code=61):
    """The template cannot be fetched or baked."""


class UpgradeConflicts(PipelineError, exit_code=62):
    """An upgrade and this project changed the same lines."""


class UpgradeUnsound(PipelineError, exit_code=63):
    """An upgrade merged without a conflict, and the project's own checks fail since."""


class DriftFound(PipelineError, exit_code=40):
    """Live data, predictions, model quality or fairness differ from the release's baseline."""


class DataInsufficient(PipelineError, exit_code=41):
    """The window holds too little data to say anything; this is not a success."""


class MonitorBroken(PipelineError, exit_code=42):
    """The monitor could not judge: no baseline, unreadable captures or a fault of its own."""


class CandidateRejected(PipelineError, exit_code=30):
    """The candidate broke a limit and was rolled back; the champion serves."""


class ReleaseInProgress(PipelineError, exit_code=31):
    """Somebody else is changing the endpoint."""


class LeaseLost(PipelineError, exit_code=32):
    """Another process took over the endpoint; this one changes nothing more."""


class RollbackRefused(PipelineError, exit_code=33):
    """The release must not, or cannot, serve again."""


class EndpointUnrecovered(PipelineError, exit_code=34):
    """Neither the candidate nor the champion could be made to serve: a person is needed."""


class LedgerConflict(PipelineError, exit_code=35):
    """Another writer took the ledger's next line."""


class LedgerBroken(PipelineError, exit_code=36):
    """The ledger was altered, or cannot be read."""


class PredictionUnknown(PipelineError, exit_code=37):
    """No record answers to an inference id."""


class EndpointDrifted(PipelineError, exit_code=38):
    """The endpoint is not what the ledger and the configuration declare."""


class ForeignEndpoint(PipelineError, exit_code=39):
    """The endpoint serves something that this pipeline did not deploy."""


class LintFailed(PipelineError, exit_code=50):
    """A linter found something to fix."""


class SchemaBroken(PipelineError, exit_code=51):
    """Configuration, data or the API description is invalid, or a change breaks those who call the model."""


class ProtectionMissing(PipelineError, exit_code=52):
    """GitHub does not protect the environment as .github/environments.json declares, so nothing is deployed."""


class GitHubRefused(PipelineError, exit_code=53):
    """GitHub rejected a request, or kept failing it after every retry."""


class StackFailed(PipelineError, exit_code=70):
    """CloudFormation could not bring a stack into the declared state."""


class DrillTooSlow(PipelineError, exit_code=29):
    """A rehearsed rollback took longer than promised."""


class FoundationIncomplete(PipelineError, exit_code=71):
    """Something that the pipeline needs is missing, or is not as declared."""
