"""Every way a training job ends without a model: what is wrong, where, and what to do next."""


class TrainingFailure(Exception):
    """A failure with a message for people; SageMaker shows it as the job's FailureReason."""

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


class InputRefused(TrainingFailure):
    """Hyperparameters, schema or data that no model may be trained from."""


class ExportDiffers(TrainingFailure):
    """The exported graph does not answer as the fitted pipeline does."""


class ExportImpossible(TrainingFailure):
    """The pipeline has a step that ONNX cannot express."""
