"""What handles a job's events."""

from __future__ import annotations

from typing import Any

from nvflare.apis.fl_component import FLComponent
from nvflare.apis.fl_context import FLContext

from .. import _services
from .._model_id import model_id_of, reject_unless_uuid
from .._sandbox import Sandbox, Sandboxed


class ClientEventHandler(Sandboxed, FLComponent):  # type: ignore[misc]  # NVFLARE has no types
    """Accepts every event and does nothing: the place where a site hangs its own logic."""

    def __init__(self) -> None:
        FLComponent.__init__(self)
        self._sandbox = Sandbox(self, "client-event-handler")

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Handles one event."""
        self._sandbox.handle_event(event_type, fl_ctx)


class ServerEventHandler(Sandboxed, FLComponent):  # type: ignore[misc]  # NVFLARE has no types
    """Tells the hub how a run comes along, and has its results gathered and brought to safety.

    ``fatal_error`` and ``final_status`` say how the run stands; what is set there counts. A results generator
    or a persistor that is put into ``validation_json_generator`` or ``persist_and_cleanup`` is used in place
    of the engine's.
    """

    _STATE = ("fatal_error", "final_status")

    def __init__(
        self,
        model_id: str = "",
        validation_json_generator_id: str = "json_generator",
        persist_and_cleanup_id: str = "persist_and_cleanup",
        flip: Any = None,
    ) -> None:
        """``model_id``: the model's UUID at the hub; where it is empty, the job's own metadata name it.
        ``flip``: what tells the hub, in place of the runtime's own client.

        ValueError where the id is no UUID; the hub is told ERROR before."""
        FLComponent.__init__(self)
        self.model_id = model_id
        self.validation_json_generator_id = validation_json_generator_id
        self.validation_json_generator: Any = None
        self.persist_and_cleanup_id = persist_and_cleanup_id
        self.persist_and_cleanup: Any = None
        self.flip = flip
        self.fatal_error = False
        self.final_status: Any = None
        self._sandbox = Sandbox(self, "server-event-handler")
        reject_unless_uuid(self.model_id, self._sandbox)

    def component_args(self) -> dict[str, Any]:
        return {
            "model_id": str(self.model_id),
            "validation_json_generator_id": self.validation_json_generator_id,
            "persist_and_cleanup_id": self.persist_and_cleanup_id,
        }

    def find_peer(self, component_id: str, fl_ctx: Any) -> Any:
        """The two that it calls; those that Python code has put in go before the engine's."""
        if component_id == self.validation_json_generator_id:
            if self.validation_json_generator is None:
                self.validation_json_generator = _services.from_engine(component_id, fl_ctx)
            return self.validation_json_generator
        if component_id == self.persist_and_cleanup_id:
            if self.persist_and_cleanup is None:
                self.persist_and_cleanup = _services.from_engine(component_id, fl_ctx)
            return self.persist_and_cleanup
        return None

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Handles one event. One that the handler itself causes is handled when it has returned."""
        if not self.model_id:
            self.model_id = model_id_of(fl_ctx)
        self._sandbox.handle_event(event_type, fl_ctx)
