"""InvokeEndpoint: routing by weight, target variant, shadow copies."""

import datetime as dt
import json
import logging
import random
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import urllib3

from sagemaker_gitops.local.sagemaker.fleet import Draining, Fleet, Hosting, Traffic
from sagemaker_gitops.local.sagemaker.invocations import Captured, Exchange, Invocation, Invocations, is_sampled
from sagemaker_gitops.local.sagemaker.replica import Replica, Reply
from sagemaker_gitops.local.server.context import Caller, Document, Place, Refusal

_LOG = logging.getLogger(__name__)
INVOKED_VARIANT = "x-Amzn-Invoked-Production-Variant"
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"


@dataclass(frozen=True, kw_only=True)
class Inference:
    """One InvokeEndpoint request."""

    caller: Caller
    endpoint: str
    body: bytes
    content_type: str
    accept: str
    target_variant: str | None
    inference_id: str | None
    custom_attributes: str | None

    def headers(self) -> dict[str, str]:
        """Return what the container is sent."""
        named = {CUSTOM_ATTRIBUTES: self.custom_attributes, INFERENCE_ID: self.inference_id}
        given = {name: value for name, value in named.items() if value}
        return {"Content-Type": self.content_type, "Accept": self.accept, **given}


@dataclass(frozen=True, kw_only=True)
class Inferred:
    """The container's answer, and which variant gave it."""

    variant: str
    reply: Reply


class Invoker:
    """Sends requests through the fleets."""

    def __init__(self, hosting: Hosting, invocations: Invocations) -> None:
        self._hosting = hosting
        self._invocations = invocations
        self._mirror = ThreadPoolExecutor(max_workers=8, thread_name_prefix="shadow")

    def invoke(self, inference: Inference) -> Inferred:
        """Answer a request; raise what AWS would answer when the model fails."""
        started = time.perf_counter()
        while True:
            fleet = _pick_fleet(self._hosting.traffic(inference.caller.place, inference.endpoint))
            try:
                with fleet.request():
                    return self._through(fleet, inference, started)
            except Draining:
                continue

    def close(self) -> None:
        """Stop copying requests to shadows."""
        self._mirror.shutdown(wait=False, cancel_futures=True)

    def _through(self, fleet: Fleet, inference: Inference, started: float) -> Inferred:
        replica = _pick_replica(fleet, inference)
        for shadow in fleet.shadows:
            self._mirror.submit(self._copy, fleet, shadow, inference)
        reply = self._ask(fleet, replica, inference, started)
        if reply.status >= 400:
            raise _model_error(inference, reply)
        return Inferred(variant=replica.variant_name, reply=reply)

    def _copy(self, fleet: Fleet, shadow: Replica, inference: Inference) -> None:
        try:
            with fleet.request():
                self._ask(fleet, shadow, inference, time.perf_counter())
        except (Refusal, Draining) as problem:
            _LOG.info("shadow request lost: %s", problem)

    def _ask(self, fleet: Fleet, replica: Replica, inference: Inference, started: float) -> Reply:
        asked = time.perf_counter()
        try:
            reply = replica.invoke(inference.body, inference.headers())
        except urllib3.exceptions.HTTPError as problem:
            self._note(fleet, replica, inference, status=0)
            raise Refusal(
                "ServiceUnavailable", f"Variant {replica.variant_name} does not answer: {problem}", status=503
            ) from problem
        answered = time.perf_counter()
        model = (answered - asked) * 1e6
        self._note(
            fleet,
            replica,
            inference,
            status=reply.status,
            model_latency=model,
            overhead_latency=(answered - started) * 1e6 - model,
        )
        self._keep(fleet, replica, inference, reply)
        return reply

    def _note(
        self,
        fleet: Fleet,
        replica: Replica,
        inference: Inference,
        *,
        status: int,
        model_latency: float | None = None,
        overhead_latency: float | None = None,
    ) -> None:
        self._invocations.note(
            Invocation(
                place=inference.caller.place,
                endpoint=inference.endpoint,
                variant=replica.variant_name,
                config=fleet.config["EndpointConfigName"],
                status=status,
                model_latency=model_latency,
                overhead_latency=overhead_latency,
            )
        )

    def _keep(self, fleet: Fleet, replica: Replica, inference: Inference, reply: Reply) -> None:
        config: Document | None = fleet.config.get("DataCaptureConfig")
        if config is None or reply.status >= 400 or not is_sampled(config):
            return
        exchange = Exchange(
            request=inference.body,
            request_type=inference.content_type,
            response=reply.body,
            response_type=reply.headers.get("Content-Type", ""),
            inference_id=inference.inference_id,
            custom_attributes=inference.custom_attributes,
        )
        self._invocations.keep(
            Captured(
                place=inference.caller.place,
                endpoint=inference.endpoint,
                variant=replica.variant_name,
                config=config,
                time=dt.datetime.now(dt.UTC),
                exchange=exchange,
            )
        )


def answer_headers(inferred: Inferred) -> dict[str, str]:
    """Return the headers of a successful InvokeEndpoint."""
    reply: Mapping[str, str] = inferred.reply.headers
    passed = {name: reply[name] for name in ("Content-Type", CUSTOM_ATTRIBUTES) if name in reply}
    return {**passed, INVOKED_VARIANT: inferred.variant}


def _pick_fleet(traffic: Traffic) -> Fleet:
    if traffic.green and random.random() < traffic.green_share:  # noqa: S311
        return traffic.green
    return traffic.blue


def _pick_replica(fleet: Fleet, inference: Inference) -> Replica:
    if target := inference.target_variant:
        for replica in fleet.production:
            if replica.variant_name == target:
                return replica
        raise Refusal("ValidationError", f"Variant {target} not found for endpoint {inference.endpoint}.")
    weights = [fleet.weights[r.variant_name] for r in fleet.production]
    if not sum(weights):
        raise Refusal("ServiceUnavailable", f"Every variant of endpoint {inference.endpoint} has weight 0.", status=503)
    return random.choices(fleet.production, weights)[0]  # noqa: S311


def _model_error(inference: Inference, reply: Reply) -> "ModelError":
    place: Place = inference.caller.place
    whose = "client" if reply.status < 500 else "server"
    text = reply.body.decode(errors="replace")
    group = f"/aws/sagemaker/Endpoints/{inference.endpoint}"
    message = (
        f'Received {whose} error ({reply.status}) from primary with message "{text}". '
        f"See CloudWatch log group {group} in account {place.account} for more information."
    )
    return ModelError(
        message,
        status=reply.status,
        original=text,
        log_stream=f"arn:aws:logs:{place.region}:{place.account}:log-group:{group}",
    )


class ModelError(Refusal):
    """The container answered with an error: HTTP 424, with what it said."""

    def __init__(self, message: str, *, status: int, original: str, log_stream: str) -> None:
        super().__init__("ModelError", message, status=424)
        self.body = json.dumps(
            {
                "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if status < 500 else "INTERNAL_FAILURE_FROM_MODEL",
                "Message": message,
                "OriginalMessage": original,
                "OriginalStatusCode": status,
                "LogStreamArn": log_stream,
            }
        ).encode()
