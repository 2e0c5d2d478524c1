"""SageMaker Pipelines: definitions, and their executions."""

import secrets
import string
import threading
from collections.abc import Callable, Mapping

from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.sagemaker import pipeline_definition
from sagemaker_gitops.local.sagemaker.listing import Listing, Tags, paged
from sagemaker_gitops.local.sagemaker.pipeline_definition import Scope
from sagemaker_gitops.local.sagemaker.pipeline_run import EXECUTION, PipelineRun
from sagemaker_gitops.local.server.context import Call, Document, Place, Refusal, conflict, invalid, now, unsupported
from sagemaker_gitops.local.server.service import Handler, SharedState

KIND = "pipeline"
_LISTING = Listing(result="PipelineSummaries", name="PipelineName")
_EXECUTIONS = Listing(result="PipelineExecutionSummaries", name="PipelineExecutionArn")
_NOT_RUN = frozenset(
    {"PipelineDefinitionS3Location", "ParallelismConfiguration", "SelectiveExecutionConfig", "PipelineVersionId"}
)
_ID = string.ascii_lowercase + string.digits


class Pipelines:
    """The pipeline operations."""

    def __init__(self, shared: SharedState, roles: Roles, tags: Tags, handlers: Mapping[str, Handler]) -> None:
        self._shared = shared
        self._roles = roles
        self._tags = tags
        self._handlers = handlers
        self._stops: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "CreatePipeline": self.create,
            "UpdatePipeline": self.update,
            "DescribePipeline": self._find,
            "DeletePipeline": self.delete,
            "ListPipelines": self.list,
            "StartPipelineExecution": self.start,
            "StopPipelineExecution": self.stop,
            "DescribePipelineExecution": self._execution,
            "DescribePipelineDefinitionForExecution": self.definition,
            "ListPipelineExecutions": self.list_executions,
            "ListPipelineExecutionSteps": self.list_steps,
        }

    def create(self, call: Call) -> Document:
        """CreatePipeline."""
        place, params = call.place, call.params
        name = params["PipelineName"]
        self._check(place, params)
        arn = place.arn(KIND, name)
        with self._lock:
            if self._shared.store.find(place, KIND, name):
                raise conflict(f"Pipeline names must be unique within an AWS account and region. {name} exists.")
            self._tags.put(place, arn, params.pop("Tags", []))
            kept = {key: value for key, value in params.items() if key != "ClientRequestToken"}
            stamps = {"CreationTime": now(), "LastModifiedTime": now(), "PipelineStatus": "Active"}
            self._shared.store.put(place, KIND, name, {**kept, **stamps, "PipelineArn": arn})
        return {"PipelineArn": arn}

    def update(self, call: Call) -> Document:
        """UpdatePipeline."""
        pipeline = self._find(call)
        self._check(call.place, {**pipeline, **call.params})
        fields = {key: value for key, value in call.params.items() if key != "PipelineName"}
        self._shared.store.change(call.place, KIND, pipeline["PipelineName"], **fields, LastModifiedTime=now())
        return {"PipelineArn": pipeline["PipelineArn"]}

    def delete(self, call: Call) -> Document:
        """DeletePipeline."""
        pipeline = self._find(call)
        self._shared.store.remove(call.place, KIND, pipeline["PipelineName"])
        return {"PipelineArn": pipeline["PipelineArn"]}

    def list(self, call: Call) -> Document:
        """ListPipelines."""
        return _LISTING.page(self._shared.store.all(call.place, KIND), call.params)

    def start(self, call: Call) -> Document:
        """StartPipelineExecution."""
        pipeline = self._find(call)
        _refuse_what_is_not_run(call.params)
        definition = pipeline_definition.read_definition(pipeline["PipelineDefinition"])
        parameters = pipeline_definition.given_parameters(
            definition.parameters, call.params.get("PipelineParameters", [])
        )
        identifier = "".join(secrets.choice(_ID) for _ in range(12))
        arn = f"{pipeline['PipelineArn']}/execution/{identifier}"
        moment = now()
        execution: Document = {
            "PipelineArn": pipeline["PipelineArn"],
            "PipelineExecutionArn": arn,
            "PipelineExecutionStatus": "Executing",
            "CreationTime": moment,
            "StartTime": moment,
            "LastModifiedTime": moment,
            **{
                name: call.params[name]
                for name in ("PipelineExecutionDisplayName", "PipelineExecutionDescription", "PipelineParameters")
                if name in call.params
            },
            "_role": pipeline["RoleArn"],
            "_definition": pipeline["PipelineDefinition"],
            "_steps": [],
        }
        self._shared.store.put(call.place, EXECUTION, arn, execution)
        stop = self._stops[arn] = threading.Event()
        known = {"PipelineName": pipeline["PipelineName"], "PipelineExecutionId": identifier, "PipelineArn": arn}
        run = PipelineRun(
            shared=self._shared,
            roles=self._roles,
            handlers=self._handlers,
            place=call.place,
            arn=arn,
            definition=definition,
            scope=Scope(parameters=parameters, execution=known, steps={}),
            stop=stop,
        )
        threading.Thread(target=run.run, daemon=True, name=f"pipeline-{identifier}").start()
        return {"PipelineExecutionArn": arn}

    def stop(self, call: Call) -> Document:
        """StopPipelineExecution."""
        execution = self._execution(call)
        if execution["PipelineExecutionStatus"] != "Executing":
            raise conflict(f"The execution is {execution['PipelineExecutionStatus']}.")
        arn = execution["PipelineExecutionArn"]
        self._shared.store.change(call.place, EXECUTION, arn, PipelineExecutionStatus="Stopping")
        self._stops[arn].set()
        return {"PipelineExecutionArn": arn}

    def definition(self, call: Call) -> Document:
        """DescribePipelineDefinitionForExecution."""
        execution = self._execution(call)
        return {"PipelineDefinition": execution["_definition"], "CreationTime": execution["CreationTime"]}

    def list_executions(self, call: Call) -> Document:
        """ListPipelineExecutions."""
        pipeline = self._find(call)
        found = self._shared.store.all(call.place, EXECUTION)
        mine = [item for item in found if item["PipelineArn"] == pipeline["PipelineArn"]]
        return _EXECUTIONS.page(mine, call.params)

    def list_steps(self, call: Call) -> Document:
        """ListPipelineExecutionSteps."""
        steps = self._execution(call)["_steps"]
        ascending = call.params.get("SortOrder", "Descending") == "Ascending"
        return paged("PipelineExecutionSteps", steps if ascending else steps[::-1], call.params)

    def fail_interrupted(self) -> None:
        """Fail the executions that a former server left running."""
        for place, arn, execution in self._shared.store.everywhere(EXECUTION):
            if execution["PipelineExecutionStatus"] in {"Executing", "Stopping"}:
                self._shared.store.change(
                    place,
                    EXECUTION,
                    arn,
                    PipelineExecutionStatus="Failed",
                    FailureReason="InternalServerError: We encountered an internal error. Please try again.",
                )

    def _check(self, place: Place, params: Document) -> None:
        _refuse_what_is_not_run(params)
        if "PipelineDefinition" not in params:
            raise invalid("PipelineDefinition must be provided.")
        pipeline_definition.read_definition(params["PipelineDefinition"])
        self._roles.require(place, params["RoleArn"])

    def _find(self, call: Call) -> Document:
        name = call.params["PipelineName"].rsplit("/", 1)[-1]
        pipeline = self._shared.store.find(call.place, KIND, name)
        if pipeline is None:
            raise _missing(f"Pipeline '{call.place.arn(KIND, name)}' does not exist.")
        return pipeline

    def _execution(self, call: Call) -> Document:
        arn = call.params["PipelineExecutionArn"]
        execution = self._shared.store.find(call.place, EXECUTION, arn)
        if execution is None:
            raise _missing(f"Pipeline execution '{arn}' does not exist.")
        return execution


def _missing(message: str) -> Refusal:
    return Refusal("ResourceNotFound", message)


def _refuse_what_is_not_run(params: Document) -> None:
    if beyond := sorted(_NOT_RUN & set(params)):
        raise unsupported(f"{', '.join(beyond)} of SageMaker Pipelines")
