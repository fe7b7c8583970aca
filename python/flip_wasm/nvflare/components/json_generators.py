"""What gathers the results of validation and evaluation tasks."""

from __future__ import annotations

from typing import Any

from nvflare.apis.fl_context import FLContext
from nvflare.widgets.widget import Widget

from .._sandbox import Sandbox, Sandboxed


class _JsonGenerator(Sandboxed, Widget):  # type: ignore[misc]  # NVFLARE has no types
    _COMPONENT = ""

    def __init__(self, results_dir: str, json_file_name: str) -> None:
        Widget.__init__(self)
        self._results_dir = results_dir
        self._json_file_name = json_file_name
        self._sandbox = Sandbox(self, self._COMPONENT)

    def component_args(self) -> dict[str, Any]:
        return {"results_dir": self._results_dir, "json_file_name": self._json_file_name}

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Nothing: ServerEventHandler sends the events, since NVFLARE does not define which handler comes
        first."""

    def handle_evaluation_events(self, event_type: str, fl_ctx: FLContext) -> None:
        """Handles an event of the evaluation."""
        self._sandbox.call(
            fl_ctx, lambda instance, context: instance.handle_evaluation_event(event_type, context)
        )


class ValidationJsonGenerator(_JsonGenerator):
    """Writes what each model made of each client's data when the run ends. ``_val_results`` holds it by
    client and model; what is put there is written too."""

    _COMPONENT = "validation-json-generator"
    _STATE = ("_val_results",)

    def __init__(
        self, results_dir: str = "cross_site_val", json_file_name: str = "cross_val_results.json"
    ) -> None:
        """``results_dir``: a folder of the job's folder."""
        super().__init__(results_dir, json_file_name)
        self._val_results: dict[str, Any] = {}


class EvaluationJsonGenerator(_JsonGenerator):
    """Writes what each model made of each client's data, and which tasks failed, when the run ends.
    ``_eval_results`` and ``_eval_failures`` hold it; what is put there is written too."""

    _COMPONENT = "evaluation-json-generator"
    _STATE = ("_eval_results", "_eval_failures")

    def __init__(
        self, results_dir: str = "evaluation_results", json_file_name: str = "evaluation_results.json"
    ) -> None:
        """``results_dir``: a folder of the job's folder."""
        super().__init__(results_dir, json_file_name)
        self._eval_results: dict[str, Any] = {}
        self._eval_failures: list[dict[str, Any]] = []

    def all_tasks_failed(self) -> bool:
        """Whether every evaluation task failed and none produced metrics."""
        return self._sandbox.call(None, lambda instance, context: instance.all_tasks_failed())
