"""The validator of the test job. FLIP's results archive carries a file of this name."""

from __future__ import annotations

import tiny_model
from nvflare.apis.dxo import DXO, DataKind, from_shareable
from nvflare.apis.executor import Executor
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable, make_reply
from nvflare.apis.signal import Signal
from nvflare.app_common.app_constant import AppConstants


class NumpyValidator(Executor):
    """Answers `validate` with the metric `val_loss`, and the number of rows it stands for."""

    def execute(
        self, task_name: str, shareable: Shareable, fl_ctx: FLContext, abort_signal: Signal
    ) -> Shareable:
        if task_name != AppConstants.TASK_VALIDATION:
            return make_reply(ReturnCode.TASK_UNKNOWN)
        loss = tiny_model.loss(from_shareable(shareable).data, fl_ctx.get_identity_name())
        return DXO(data_kind=DataKind.METRICS, data={"val_loss": loss, "n": 32}).to_shareable()
