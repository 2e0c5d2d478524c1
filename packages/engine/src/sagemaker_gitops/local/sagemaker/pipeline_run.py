"""One execution of a pipeline: each step really carried out, in the order that they need each other."""

import hashlib
import json
import logging
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from sagemaker_gitops.local.iam import actions
from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.sagemaker import pipeline_definition
from sagemaker_gitops.local.sagemaker.pipeline_definition import CALLS, Definition, Scope, needed_steps
from sagemaker_gitops.local.server import model
from sagemaker_gitops.local.server.context import Call, Caller, Document, Place, Refusal, now
from sagemaker_gitops.local.server.service import Handler, SharedState

EXECUTION = "pipeline-execution"
_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.05
_DESCRIBED: Mapping[str, tuple[str, str, str]] = {
    "Training": ("DescribeTrainingJob", "TrainingJobName", "TrainingJobStatus"),
    "Processing": ("DescribeProcessingJob", "ProcessingJobName", "ProcessingJobStatus"),
}
_STOPS = {"Training": "StopTrainingJob", "Processing": "StopProcessingJob"}


class _StepFailed(Exception):
    """A step ended otherwise than it should; the text is its FailureReason."""


@dataclass(frozen=True, kw_only=True)
class PipelineRun:
    """The life of one execution, in a thread of its own."""

    shared: SharedState
    roles: Roles
    handlers: Mapping[str, Handler]
    place: Place
    arn: str
    definition: Definition
    scope: Scope
    stop: threading.Event
    _done: dict[str, Document] = field(default_factory=dict)

    @property
    def _execution(self) -> Document:
        return self.shared.store.find(self.place, EXECUTION, self.arn) or {}

    def run(self) -> None:
        """Carry out what is due until nothing is; the first failure ends the execution."""
        try:
            self._all(list(self.definition.steps))
            status, reason = ("Stopped", None) if self.stop.is_set() else ("Succeeded", None)
        except (_StepFailed, Refusal):
            stopped = self.stop.is_set()
            status, reason = ("Stopped", None) if stopped else ("Failed", "Step failure: One or multiple steps failed.")
        except Exception:  # noqa: BLE001 - an execution must end, whatever broke it
            _LOG.exception("pipeline execution %s", self.arn)
            status, reason = "Failed", "InternalServerError: We encountered an internal error."
        if self.shared.closing.is_set():
            return
        moment = now()
        self._change(PipelineExecutionStatus=status, FailureReason=reason, LastModifiedTime=moment)
        detail = {"currentPipelineExecutionStatus": status, "pipelineExecutionArn": self.arn}
        pipeline = self._execution["PipelineArn"]
        self.shared.events.state_change(
            self.place, "Model Building Pipeline Execution", pipeline, {**detail, "pipelineArn": pipeline}
        )

    def _all(self, waiting: list[Document]) -> None:
        while waiting and not self.stop.is_set():
            due = next((step for step in waiting if needed_steps(step) <= set(self._done)), None)
            if due is None:
                return  # what is left needs a branch that was not taken
            waiting.remove(due)
            self._one(due)

    def _one(self, step: Document) -> None:
        self._note(step, StepStatus="Executing", StartTime=now(), AttemptCount=1)
        try:
            if step["Type"] == "Condition":
                branch = self._decide(step)
            elif step["Type"] == "Fail":
                message = str(self.scope.resolve(step["Arguments"]["ErrorMessage"]))
                self._note(step, Metadata={"Fail": {"ErrorMessage": message}})
                raise _StepFailed(message)
            else:
                branch = []
                self._call(step)
        except (_StepFailed, Refusal) as problem:
            status = "Stopped" if self.stop.is_set() else "Failed"
            self._note(step, StepStatus=status, EndTime=now(), FailureReason=str(problem))
            raise
        self._note(step, StepStatus="Succeeded", EndTime=now())
        self._done[step["Name"]] = step
        self._all(list(branch))

    def _decide(self, step: Document) -> list[Document]:
        arguments = step["Arguments"]
        true = all(self.scope.holds(condition) for condition in arguments["Conditions"])
        self._note(step, Metadata={"Condition": {"Outcome": "True" if true else "False"}})
        steps: list[Document] = arguments.get("IfSteps" if true else "ElseSteps", [])
        return steps

    def _call(self, step: Document) -> None:
        operation, named = CALLS[step["Type"]]
        resolved = self.scope.resolve(step["Arguments"])
        key = hashlib.sha256(json.dumps([step["Name"], resolved], sort_keys=True).encode()).hexdigest()
        if found := self._cached(step, key):
            self._note(step, CacheHitResult={"SourcePipelineExecutionArn": found["execution"]}, **found["note"])
            self.scope.steps[step["Name"]] = found["properties"]
            return
        arguments: Document = dict(resolved) if isinstance(resolved, dict) else {}
        if named:
            prefix = arguments.get(named) or f"pipelines-{step['Name']}"
            arguments[named] = f"{prefix[:40]}-{self.scope.execution['PipelineExecutionId']}-{secrets.token_hex(4)}"
        params = model.check(model.operation("sagemaker", operation), arguments)
        self._act(operation, params)
        answer = self.handlers[operation](self._of(operation, params))
        kind = step["Type"] if step["Type"] == "RegisterModel" else f"{step['Type']}Job"
        self._note(step, Metadata={kind: {"Arn": next(iter(answer.values()))}})
        self.scope.steps[step["Name"]] = self._awaited(step, params) if named else answer
        self._note(step, _key=key, _properties=self.scope.steps[step["Name"]])

    def _awaited(self, step: Document, params: Document) -> Document:
        describe, named, status = _DESCRIBED[step["Type"]]
        asked = {named: params[named]}
        self._act(describe, asked)
        stopped = False
        while (job := self.handlers[describe](self._of(describe, asked)))[status] in {"InProgress", "Stopping"}:
            if self.shared.closing.wait(_POLL_SECONDS):
                raise _StepFailed("the local AWS shuts down")
            if self.stop.is_set() and not stopped and job[status] == "InProgress":
                stopped = True
                self.handlers[_STOPS[step["Type"]]](self._of(_STOPS[step["Type"]], asked))
        if job[status] != "Completed":
            raise _StepFailed(f"ClientError: {job.get('FailureReason') or f'the job ended as {job[status]}'}")
        return job

    def _cached(self, step: Document, key: str) -> Document | None:
        if not step.get("CacheConfig", {}).get("Enabled", False):
            return None
        pipeline = self._execution["PipelineArn"]
        good_for = pipeline_definition.duration_seconds(step["CacheConfig"].get("ExpireAfter", "P365D"))
        for execution in reversed(self.shared.store.all(self.place, EXECUTION)):
            if execution["PipelineArn"] != pipeline:
                continue
            for note in execution["_steps"]:
                if note.get("_key") == key and now() - note.get("EndTime", 0.0) < good_for:
                    return {
                        "execution": execution["PipelineExecutionArn"],
                        "properties": note["_properties"],
                        "note": {"Metadata": note["Metadata"]},
                    }
        return None

    def _act(self, operation: str, params: Document) -> None:
        role = self._execution["_role"]
        self.roles.act(self.place, role, actions.needed("sagemaker", operation, params, self.place))

    def _of(self, operation: str, params: Document) -> Call:
        account, _, name = str(self._execution["_role"]).partition(":role/")
        arn = f"arn:aws:sts::{account.rpartition(':')[2]}:assumed-role/{name}/SageMaker"
        return Call(caller=Caller(place=self.place, arn=arn), operation=operation, params=dict(params))

    def _note(self, step: Document, **fields: object) -> None:
        with self.shared.store.lock:
            steps = [dict(note) for note in self._execution["_steps"]]
            mine = next((note for note in steps if note["StepName"] == step["Name"]), None)
            if mine is None:
                mine = {"StepName": step["Name"]}
                steps.append(mine)
            mine.update(fields)
            self._change(_steps=steps)

    def _change(self, **fields: object) -> None:
        self.shared.store.change(self.place, EXECUTION, self.arn, **fields)
