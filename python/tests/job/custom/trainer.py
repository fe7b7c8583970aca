"""The trainer of the test job. FLIP's results archive carries a file of this name."""

from __future__ import annotations

import tiny_model
from nvflare.apis.dxo import DXO, DataKind, MetaKey, from_shareable
from nvflare.apis.executor import Executor
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable, make_reply
from nvflare.apis.signal import Signal
from nvflare.app_common.app_constant import AppConstants

STEPS = 4


class NumpyTrainer(Executor):
    """Answers `train` with a weight difference, and `submit_model` with the site's last model."""

    def __init__(self) -> None:
        super().__init__()
        self._model: tiny_model.Arrays | None = None

    def execute(
        self, task_name: str, shareable: Shareable, fl_ctx: FLContext, abort_signal: Signal
    ) -> Shareable:
        if task_name == AppConstants.TASK_SUBMIT_MODEL and self._model is not None:
            return DXO(data_kind=DataKind.WEIGHTS, data=self._model).to_shareable()
        if task_name != AppConstants.TASK_TRAIN:
            return make_reply(ReturnCode.TASK_UNKNOWN)
        weights = from_shareable(shareable).data
        round_number = int(shareable.get_header(AppConstants.CURRENT_ROUND))
        difference = tiny_model.update(weights, fl_ctx.get_identity_name(), round_number)
        self._model = {name: weights[name] + difference[name] for name in weights}
        meta = {MetaKey.NUM_STEPS_CURRENT_ROUND: STEPS}
        return DXO(data_kind=DataKind.WEIGHT_DIFF, data=difference, meta=meta).to_shareable()
