"""NVFLARE's ModelLocator over a sandboxed one."""

from __future__ import annotations

from nvflare.apis.dxo import DXO
from nvflare.apis.fl_context import FLContext
from nvflare.app_common.abstract.model_locator import ModelLocator

from ._exchange import dxo_of
from ._sandbox import Sandboxed


class SandboxedLocator(Sandboxed, ModelLocator):  # type: ignore[misc]  # NVFLARE has no types
    """A locator whose work is done in the sandbox."""

    def get_model_names(self, fl_ctx: FLContext) -> list[str]:
        """The names of the models that it finds."""
        return self._sandbox.call(fl_ctx, lambda instance, context: instance.model_names(context))

    def locate_model(self, model_name: str, fl_ctx: FLContext) -> DXO | None:
        """The model of this name; ``None`` where it is missing or cannot be read, which the log tells."""
        found = self._sandbox.call(
            fl_ctx, lambda instance, context: instance.locate_model(model_name or None, context)
        )
        return None if found is None else dxo_of(found)
