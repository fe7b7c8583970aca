"""What deletes a site's copies of images."""

from __future__ import annotations

from nvflare.apis.executor import Executor
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable
from nvflare.apis.signal import Signal

from .._exchange import reply_of
from .._sandbox import Sandbox, Sandboxed


class CleanupImages(Sandboxed, Executor):  # type: ignore[misc]  # NVFLARE has no types
    """Deletes the images of the site's net at the tasks ``init_training``, ``post_validation``, ``init_task``
    and ``post_task``, and at the two ``post`` tasks the job's folder before."""

    def __init__(self) -> None:
        Executor.__init__(self)
        self._sandbox = Sandbox(self, "cleanup-images")

    def execute(
        self, task_name: str, shareable: Shareable, fl_ctx: FLContext, abort_signal: Signal
    ) -> Shareable:
        """Carries out one task; the abort signal stops it between two deletions."""
        reply = self._sandbox.call(
            fl_ctx, lambda instance, context: instance.execute(task_name, None, context), abort_signal
        )
        return reply_of(reply)
