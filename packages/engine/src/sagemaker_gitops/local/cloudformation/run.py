"""A stack on its way from one settled state to the next."""

import logging
import time
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.cloudformation.changes import Change
from sagemaker_gitops.local.cloudformation.execution import Execution, ResourceFailed, Save, remove
from sagemaker_gitops.local.cloudformation.state import Stack
from sagemaker_gitops.local.server.api import Api
from sagemaker_gitops.local.server.refusal import Refusal

_LOG = logging.getLogger(__name__)


class Deployment:
    """Creates or updates a stack, all of it or nothing."""

    def __init__(
        self, execution: Execution, changes: list[Change], *, before: Stack, save: Save, discard: bool
    ) -> None:
        self._execution = execution
        self._changes = changes
        self._before = before
        self._save = save
        self._discard = discard
        self._fresh = not before.template

    def run(self) -> None:
        """Apply every change; undo all when one fails."""
        try:
            self._execution.apply(self._changes)
        except ResourceFailed as problem:
            self._roll_back(str(problem))
        except Exception as problem:  # noqa: BLE001 - the stack must not stay in progress for ever
            _LOG.exception("stack %s", self._before.name)
            self._roll_back(f"Internal error: {problem}")
        else:
            self._finish()

    def _finish(self) -> None:
        execution = self._execution
        execution.stack = self._save(replace(execution.stack, outputs=execution.outputs(), updated=time.time()))
        try:
            execution.clean_up(self._changes)
        except (ClientError, BotoCoreError, Refusal) as problem:
            # As on AWS: what could not be removed stays behind, and the events say so.
            execution.stack = execution.stack.event(None, status="UPDATE_COMPLETE", reason=f"left behind: {problem}")
        self._save(execution.stack.moved("CREATE_COMPLETE" if self._fresh else "UPDATE_COMPLETE"))

    def _roll_back(self, reason: str) -> None:
        verb = "ROLLBACK" if self._fresh else "UPDATE_ROLLBACK"
        execution = self._execution
        execution.stack = self._save(execution.stack.moved(f"{verb}_IN_PROGRESS", reason))
        failures = execution.roll_back()
        if failures:
            self._save(execution.stack.moved(f"{verb}_FAILED", "; ".join(failures)))
        elif self._fresh:
            ended = "DELETE_COMPLETE" if self._discard else "ROLLBACK_COMPLETE"
            self._save(replace(execution.stack, deleted=time.time()).moved(ended))
        else:
            old = replace(self._before, resources=execution.stack.resources, events=execution.stack.events)
            self._save(old.moved(f"{verb}_COMPLETE"))


class Deletion:
    """Deletes a stack, latest resource first."""

    def __init__(self, api: Api, stack: Stack, save: Save) -> None:
        self._api = api
        self._stack = stack
        self._save = save

    def run(self) -> None:
        """Delete every resource that its policy does not keep."""
        for made in reversed(list(self._stack.resources.values())):
            try:
                status = remove(self._api, made)
            except (ClientError, BotoCoreError, Refusal) as problem:
                failed = self._stack.event(made, status="DELETE_FAILED", reason=str(problem))
                reason = f"The following resource(s) failed to delete: [{made.logical_id}]."
                self._save(failed.moved("DELETE_FAILED", reason))
                return
            self._stack = self._save(self._stack.without(made, status))
        self._save(replace(self._stack, deleted=time.time()).moved("DELETE_COMPLETE"))
