"""The test job's persistor, as FLIP's own package wants one."""

from __future__ import annotations

from nvflare.apis.fl_context import FLContext
from nvflare.app_opt.pt.file_model_persistor import PTFileModelPersistor
from tiny_server import NumpyPersistor


class NumpyAsPT(NumpyPersistor, PTFileModelPersistor):
    """A PTFileModelPersistor by name alone."""

    def __init__(self, stale: str = "") -> None:
        NumpyPersistor.__init__(self, stale)

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Nothing: there is no torch model to make."""
