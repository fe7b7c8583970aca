"""What the server of the test job has of its own: a persistor, a locator, and a controller that broadcasts."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import tiny_model
from nvflare.apis.client import Client
from nvflare.apis.controller_spec import ClientTask, Task
from nvflare.apis.dxo import DXO, DataKind
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.fl_context import FLContext
from nvflare.apis.impl.controller import Controller
from nvflare.apis.shareable import Shareable
from nvflare.apis.signal import Signal
from nvflare.app_common.abstract.model import ModelLearnable, ModelLearnableKey, make_model_learnable
from nvflare.app_common.abstract.model_locator import ModelLocator
from nvflare.app_common.abstract.model_persistor import ModelPersistor
from nvflare.app_common.model_desc import ModelDescriptor

CHECKPOINT = "FL_global_model.pt"
# Where the test finds the final model: the app's folder may be archived and removed by then.
RESULT = "TINY_JOB_RESULT"


def _model_folder(fl_ctx: FLContext) -> Path:
    return Path(fl_ctx.get_workspace().get_app_dir(fl_ctx.get_job_id()), "model")


class NumpyPersistor(ModelPersistor):
    """Keeps the global model as `.npz`, and beside it the file that FLIP's components look for.

    Args:
        stale: the id of a model that left files in the server's `save/` and `transfer/`, which the test
            expects to be cleaned up: `<stale>/file` is made in both, and `other/keep` beside it.
    """

    def __init__(self, stale: str = "") -> None:
        super().__init__()
        self._stale = stale

    def load_model(self, fl_ctx: FLContext) -> ModelLearnable:
        # The simulator empties its workspace at the start: a test cannot put the files there beforehand.
        for path in ("save", "transfer") if self._stale else ():
            for file in (f"{self._stale}/file", "other/keep"):
                target = Path(fl_ctx.get_workspace().get_root_dir(), path, file)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(b"")
        return make_model_learnable(tiny_model.initial(), {})

    def save_model(self, model: ModelLearnable, fl_ctx: FLContext) -> None:
        folder = _model_folder(fl_ctx)
        folder.mkdir(exist_ok=True)
        weights = {name: np.asarray(array) for name, array in model[ModelLearnableKey.WEIGHTS].items()}
        np.savez(folder / "model.npz", **weights)
        # No real checkpoint: the components under test move and archive the file, they do not read it.
        (folder / CHECKPOINT).write_bytes(b"".join(array.tobytes() for array in weights.values()))
        if result := os.environ.get(RESULT):
            np.savez(result, **weights)

    def get_model_inventory(self, fl_ctx: FLContext) -> dict[str, ModelDescriptor]:
        path = _model_folder(fl_ctx) / CHECKPOINT
        if not path.is_file():
            return {}
        return {CHECKPOINT: ModelDescriptor(CHECKPOINT, str(path), "bytes")}


class NumpyLocator(ModelLocator):
    """Finds the global model as the persistor has written it."""

    def get_model_names(self, fl_ctx: FLContext) -> list[str]:
        return ["server"]

    def locate_model(self, model_name: str, fl_ctx: FLContext) -> DXO | None:
        if model_name != "server":
            return None
        with np.load(_model_folder(fl_ctx) / "model.npz") as arrays:
            return DXO(data_kind=DataKind.WEIGHTS, data={name: arrays[name] for name in arrays.files})


class Broadcast(Controller):
    """Fires an event, sends one task without data to every site, and waits for all answers.

    Args:
        task_name: the task.
        event: an event fired beforehand; none where it is empty.
        timeout: how long the sites have, in seconds.

    A site that does not answer OK is a system panic.
    """

    def __init__(self, task_name: str, event: str = "", timeout: int = 60) -> None:
        super().__init__(task_check_period=0.1)
        self._task_name = task_name
        self._event = event
        self._timeout = timeout

    def start_controller(self, fl_ctx: FLContext) -> None:
        pass

    def stop_controller(self, fl_ctx: FLContext) -> None:
        self.cancel_all_tasks()

    def control_flow(self, abort_signal: Signal, fl_ctx: FLContext) -> None:
        if self._event:
            self.fire_event(self._event, fl_ctx)
        task = Task(self._task_name, Shareable(), timeout=self._timeout, result_received_cb=self._received)
        # 0 responses stand for: as many as there are sites.
        self.broadcast_and_wait(task=task, fl_ctx=fl_ctx, min_responses=0, abort_signal=abort_signal)
        if abort_signal.triggered:
            self.fire_event("_aborted", fl_ctx)

    def _received(self, client_task: ClientTask, fl_ctx: FLContext) -> None:
        result = client_task.result
        code = result.get_return_code() if result is not None else "no result"
        if code != ReturnCode.OK:
            site, reason = client_task.client.name, result and result.get_header("exception")
            self.system_panic(f"{self._task_name} at {site}: {code}: {reason}", fl_ctx)

    def process_result_of_unknown_task(
        self, client: Client, task_name: str, client_task_id: str, result: Shareable, fl_ctx: FLContext
    ) -> None:
        self.log_warning(fl_ctx, f"a late answer of {client.name} to {task_name}")
