"""What brings a job's results to safety."""

from __future__ import annotations

from typing import Any

from nvflare.apis.fl_component import FLComponent
from nvflare.apis.fl_context import FLContext
from nvflare.app_common.app_constant import AppConstants

from .. import _services
from .._model_id import model_id_of, reject_unless_uuid
from .._sandbox import Sandbox, Sandboxed

_GLOBAL_MODEL = "FL_global_model.pt"


class PersistToS3AndCleanup(Sandboxed, FLComponent):  # type: ignore[misc]  # NVFLARE has no types
    """Uploads the job's folder as an archive, then deletes what the run leaves behind.

    ``model_persistor`` is NVFLARE's persistor once it was found, ``model_inventory`` what it has,
    ``model_dir`` where the global model lies.
    """

    def __init__(
        self,
        model_id: str = "",
        persistor_id: str = AppConstants.DEFAULT_PERSISTOR_ID,
        flip: Any = None,
    ) -> None:
        """``model_id``: the model's UUID; where it is empty, the job's own metadata name it. ``flip``: what
        uploads, in place of the runtime's own client of S3.

        ValueError where the id is no UUID."""
        FLComponent.__init__(self)
        self.model_id = model_id
        self.persistor_id = persistor_id
        self.model_persistor: Any = None
        self.model_inventory: dict[str, Any] = {}
        self.model_dir = ""
        self.flip = flip
        self._sandbox = Sandbox(self, "persist-to-s3-and-cleanup")
        reject_unless_uuid(self.model_id, self._sandbox)

    def component_args(self) -> dict[str, Any]:
        return {"model_id": str(self.model_id), "persistor_id": self.persistor_id}

    def find_peer(self, component_id: str, fl_ctx: Any) -> Any:
        """NVFLARE's persistor, whose models are kept in mind."""
        self.model_persistor = _services.from_engine(component_id, fl_ctx)
        inventory = getattr(self.model_persistor, "get_model_inventory", None)
        self.model_inventory = (inventory(fl_ctx) if inventory else None) or {}
        model = self.model_inventory.get(_GLOBAL_MODEL)
        self.model_dir = str(model.location) if model is not None else ""
        return self.model_persistor

    def _call(self, fl_ctx: FLContext, method: str) -> None:
        if not self.model_id:
            self.model_id = model_id_of(fl_ctx)
        self._sandbox.call(fl_ctx, lambda instance, context: getattr(instance, method)(context))

    def execute(self, fl_ctx: FLContext) -> None:
        """Uploads, then cleans up, with FLIP's events around it. What is raised says why the results are not
        safe; they are still in the job's folder then."""
        self._call(fl_ctx, "persist")

    def upload_results_to_s3_bucket(self, fl_ctx: FLContext) -> None:
        """The upload; where it fails, the clean-up too."""
        self._call(fl_ctx, "upload_results")

    def cleanup(self, fl_ctx: FLContext) -> None:
        """The clean-up alone."""
        self._call(fl_ctx, "clean_up")
