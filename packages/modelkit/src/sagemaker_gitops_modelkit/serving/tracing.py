"""OpenTelemetry traces of requests, exported by OTLP: the way to X-Ray through a collector such as ADOT.

Imported only when SERVE_TRACING=otlp. Its packages are those of requirements-tracing.txt, and OTEL_* variables
configure them as everywhere.
"""

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.aws.aws_xray_propagator import TRACE_HEADER_KEY, AwsXRayPropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sagemaker_gitops_modelkit.serving.asgi import App, Message, Receive, Send
from sagemaker_gitops_modelkit.serving.context import ATTRIBUTES, read_context
from sagemaker_gitops_modelkit.serving.settings import Settings

# The last one that finds a parent wins.
PROPAGATOR = CompositePropagator([AwsXRayPropagator(), TraceContextTextMapPropagator()])


class Tracing:
    """One worker's exporter; it has a thread, so create it inside the process that serves."""

    def __init__(self, settings: Settings) -> None:
        self._provider = TracerProvider()
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("serve")
        self._model = {"model.version": settings.model_version, "model.fingerprint": settings.fingerprint}

    def around(self, app: App) -> App:
        """Wrap an application: one server span a request, which continues the caller's trace."""

        async def traced(scope: Message, receive: Receive, send: Send) -> None:
            if scope["path"] == "/ping":
                await app(scope, receive, send)
                return
            with self._tracer.start_as_current_span(
                f"{scope['method']} {scope['path']}",
                context=_parent(scope),
                kind=SpanKind.SERVER,
                attributes=self._model,
            ) as span:
                await app(scope, receive, _watched(send, span))

        return traced

    def close(self) -> None:
        """Export what is still waiting."""
        self._provider.shutdown()


def _parent(scope: Message) -> Context:
    """Read the caller's trace from where the application reads it; X-Ray's propagator looks for a spelling."""
    traces = read_context(dict(scope["headers"])).traces
    spelling = {TRACE_HEADER_KEY.lower(): TRACE_HEADER_KEY}
    return PROPAGATOR.extract({spelling.get(name.decode(), name.decode()): value.decode() for name, value in traces})


def _watched(send: Send, span: Span) -> Send:
    """Note the answer's status and attributes on their way out."""

    async def forward(message: Message) -> None:
        if message["type"] == "http.response.start":
            span.set_attribute("http.response.status_code", message["status"])
            span.set_attribute("sagemaker.custom_attributes", dict(message["headers"]).get(ATTRIBUTES, b"").decode())
        await send(message)

    return forward
