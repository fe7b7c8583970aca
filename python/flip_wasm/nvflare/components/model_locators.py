"""What finds the models that a validation needs. Checkpoints are read in the sandbox; torch is not needed."""

from __future__ import annotations

from typing import Any

from nvflare.apis.dxo import DXO, DataKind
from nvflare.apis.fl_context import FLContext
from nvflare.app_common.abstract.model_locator import ModelLocator

from .._locator import SandboxedLocator
from .._sandbox import Sandbox


class _GlobalModelLocator(SandboxedLocator):
    _COMPONENT = ""

    def __init__(self, exclude_vars: Any = None, model: Any = None) -> None:
        """``exclude_vars``: a regular expression; tensors whose names it finds are left out. ``model``: what
        the weights are for; its class alone is looked at, by name."""
        ModelLocator.__init__(self)
        self.exclude_vars = exclude_vars
        self.model = model
        self._sandbox = Sandbox(self, self._COMPONENT)

    def component_args(self) -> dict[str, Any]:
        model = self.model
        if model is not None and not isinstance(model, (str, dict)):
            model = type(model).__name__
        args = {"exclude_vars": self.exclude_vars, "model": model}
        return {name: value for name, value in args.items() if value is not None}


class PTModelLocator(_GlobalModelLocator):
    """Finds the model that the run has trained."""

    _COMPONENT = "pt-model-locator"


class InitialPTModelLocator(_GlobalModelLocator):
    """Finds the model that the run starts from, in its app or among those that outlive jobs."""

    _COMPONENT = "initial-pt-model-locator"


class EvaluationPTModelLocator(SandboxedLocator):
    """Finds the models that the app's ``custom/config.json`` names, and answers with all of them.

    ``models`` holds their weights by name once they were read; what is put there is answered.
    """

    def __init__(self, exclude_vars: Any = None) -> None:
        """``exclude_vars``: a regular expression; tensors whose names it finds are left out."""
        ModelLocator.__init__(self)
        self.exclude_vars = exclude_vars
        self.models: dict[str, Any] | None = None
        self._sandbox = Sandbox(self, "evaluation-pt-model-locator")

    def component_args(self) -> dict[str, Any]:
        return {} if self.exclude_vars is None else {"exclude_vars": self.exclude_vars}

    def locate_model(self, model_name: str | None, fl_ctx: FLContext) -> DXO | None:
        """One dxo of kind COLLECTION with a WEIGHTS member for each model; ``None`` where none is named."""
        if self.models is None:
            found = super().locate_model(model_name or "", fl_ctx)
            if found is None:
                return None
            self.models = {name: member.data for name, member in found.data.items()}
        members = {name: DXO(data_kind=DataKind.WEIGHTS, data=data) for name, data in self.models.items()}
        return DXO(data_kind=DataKind.COLLECTION, data=members)
