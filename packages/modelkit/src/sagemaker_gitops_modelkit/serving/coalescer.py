"""One run of the model for all small requests that arrived in the same turn of the event loop."""

import asyncio

from sagemaker_gitops_modelkit.serving.batch import Batch, joined
from sagemaker_gitops_modelkit.serving.predictor import Predictor, Scores


class Coalescer:
    """Joins what has arrived and waits for nothing: a busy server runs the model less often, and none is delayed."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._waiting: list[tuple[Batch, asyncio.Future[Scores]]] = []

    def scores(self, batch: Batch) -> "asyncio.Future[Scores]":
        """Answer a batch together with its neighbours."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Scores] = loop.create_future()
        if not self._waiting:
            # Runs after the tasks of all requests that this turn has read.
            loop.call_soon(self._run)
        self._waiting.append((batch, answer))
        return answer

    def _run(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            figures = self._predictor.figures(joined([batch for batch, _ in waiting]))
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the requests, not to the loop
            for _, answer in waiting:
                answer.set_exception(error)
            return
        start = 0
        for batch, answer in waiting:
            if not answer.done():
                answer.set_result(self._predictor.label(figures[start : start + len(batch)]))
            start += len(batch)
