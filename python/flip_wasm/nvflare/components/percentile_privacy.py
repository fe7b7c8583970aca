"""The privacy filters."""

from __future__ import annotations

import math
from typing import Any

from nvflare.apis.dxo import DXO, DataKind
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable

import flip_wasm

from .._filter import SandboxedFilter


class PercentilePrivacy(SandboxedFilter):
    """Shares the largest elements of an update alone, clipped to ``gamma`` (Shokri and Shmatikov,
    Privacy-Preserving Deep Learning, CCS 2015). It truncates; it is not differential privacy.

    ``percentile``, ``gamma``, ``data_kinds`` and ``off`` may be set at any time; the next update is filtered
    accordingly.
    """

    _COMPONENT = "percentile-privacy"

    def __init__(
        self,
        percentile: float = 10,
        gamma: float = 0.01,
        data_kinds: list[str] | None = None,
        off: bool = False,
    ) -> None:
        """``percentile``: of the absolute values, what lies below it becomes 0. ``gamma``: the bound that the
        rest is clipped to, per step. ``data_kinds``: WEIGHT_DIFF and WEIGHTS by default. ``off``: nothing is
        changed."""
        kinds = [DataKind.WEIGHT_DIFF, DataKind.WEIGHTS]
        super().__init__(self._COMPONENT, supported_data_kinds=kinds, data_kinds=data_kinds or kinds)
        self.percentile = percentile
        self.gamma = gamma
        self.off = off

    def component_args(self) -> dict[str, Any]:
        return {
            "percentile": self.percentile,
            "gamma": self.gamma,
            "data_kinds": self.data_kinds,
            "off": self.off,
        }

    def process_dxo(self, dxo: DXO, shareable: Shareable, fl_ctx: FLContext) -> DXO | None:
        """The same dxo, filtered; ``None`` where ``gamma`` or ``percentile`` make no sense. Then ``process``
        does not let the data out, unless the site's policy says otherwise."""
        for name in ("percentile", "gamma"):
            value = getattr(self, name)
            if isinstance(value, float) and math.isnan(value):
                self.refuse(flip_wasm.FilterRefused(f"refused: {name} is not a number"), fl_ctx)
                return None
        return self.filter_leaf(dxo, fl_ctx)


class StagePercentilePrivacy(PercentilePrivacy):
    """The same for each stage of a model on its own, as the meta property ``stage`` names them."""

    _COMPONENT = "stage-percentile-privacy"
