"""NVFLARE's engine, its components and FLIP's services, as a component's host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nvflare.apis.fl_component import FLComponent
from nvflare.app_common.abstract.model_persistor import ModelPersistor

import flip_wasm

from . import _settings, _site
from ._exchange import FlareContext


def from_engine(component_id: str, fl_ctx: Any) -> Any:
    """The component that the engine has under this id."""
    engine = fl_ctx.get_engine() if fl_ctx else None
    return engine.get_component(component_id) if engine else None


class Directories:
    """The directories of the run."""

    def open(self, name: str, context: FlareContext | None) -> Path | None:
        """The path of a directory. It is looked for when it is asked for: a run makes and removes them."""
        fl_ctx = context.fl_ctx if context else None
        return _site.directories(fl_ctx, _settings.images()).get(name)


class Events:
    """Events go through the component that the sandbox stands for."""

    def __init__(self, owner: FLComponent) -> None:
        self._owner = owner

    def fire(self, event_type: str, context: FlareContext | None) -> None:
        """Fires an event, as the component itself would."""
        if context and context.fl_ctx is not None:
            self._owner.fire_event(event_type, context.fl_ctx)

    def system_panic(self, reason: str, context: FlareContext | None) -> None:
        """Ends the run."""
        if context and context.fl_ctx is not None:
            self._owner.system_panic(reason, context.fl_ctx)


class Peers:
    """The other components of the job. They may be sandboxed or not."""

    def __init__(self, lookup: Callable[[str, Any], Any]) -> None:
        self._lookup = lookup

    def results_generator(self, component_id: str, context: FlareContext) -> Any:
        """Anything with FLIP's method ``handle_evaluation_events``."""
        found = self._lookup(component_id, context.fl_ctx)
        if found is None or not hasattr(found, "handle_evaluation_events"):
            return _other(found)
        return _Generator(found)

    def results_persistor(self, component_id: str, context: FlareContext) -> Any:
        """Anything with FLIP's methods ``execute`` and ``upload_results_to_s3_bucket``."""
        found = self._lookup(component_id, context.fl_ctx)
        if found is None or not (hasattr(found, "execute") and hasattr(found, "upload_results_to_s3_bucket")):
            return _other(found)
        return _Persistor(found)

    def model_persistor(self, component_id: str, context: FlareContext) -> Any:
        """Anything that NVFLARE calls a model persistor."""
        found = self._lookup(component_id, context.fl_ctx)
        return _Models(found) if isinstance(found, ModelPersistor) else _other(found)


def _other(found: Any) -> str | None:
    return None if found is None else type(found).__name__


class _Generator:
    def __init__(self, component: Any) -> None:
        self._component = component

    def handle_evaluation_event(self, event_type: str, context: FlareContext) -> None:
        self._component.handle_evaluation_events(event_type, context.fl_ctx)

    def all_tasks_failed(self) -> bool:
        answer = getattr(self._component, "all_tasks_failed", None)
        return bool(answer()) if answer else False


class _Persistor:
    def __init__(self, component: Any) -> None:
        self._component = component

    def execute(self, context: FlareContext) -> None:
        self._component.execute(context.fl_ctx)


class _Models:
    def __init__(self, persistor: ModelPersistor) -> None:
        self._persistor = persistor

    def model_inventory(self, context: FlareContext) -> dict[str, str]:
        inventory = self._persistor.get_model_inventory(context.fl_ctx) or {}
        return {name: str(model.location) for name, model in inventory.items()}


class FlipHub:
    """A ``flip`` object as the hub."""

    def __init__(self, flip: Any) -> None:
        self._flip = flip

    def update_status(self, model_id: str, status: str) -> None:
        """Tells the status; a ``False`` says that the hub did not take it."""
        if self._flip.update_status(model_id, _settings.model_status(status)) is False:
            raise RuntimeError("the hub did not take the status")

    def send_metric(self, client: str, model_id: str, label: str, value: float, round_number: int) -> None:
        """Sends one value of a metric."""
        self._flip.send_metrics(client, model_id, label, value, round_number)

    def send_exception(self, client: str, model_id: str, text: str) -> None:
        """Sends the text of an exception."""
        self._flip.send_handled_exception(text, client, model_id)


class FlipStore:
    """A ``flip`` object as the object store: it zips and uploads by itself."""

    def __init__(self, flip: Any) -> None:
        self._flip = flip

    def put_archive(self, key: str, folder: str, max_bytes: int, context: Any) -> None:
        """Uploads what the folder holds. The key begins with the model's id."""
        self._flip.upload_results_to_s3(Path(folder), key.split("/")[0])


def host(owner: Any, log: Callable[[str, int, str], None], flip: Any) -> flip_wasm.Host:
    """What serves the component of ``owner``: a ``flip`` object where there is one, else the runtime's own
    hub and store."""
    flip = flip if flip is not None else _settings.flip()
    return flip_wasm.Host(
        log=log,
        directories=Directories(),
        object_store=FlipStore(flip) if flip is not None else _settings.object_store(),
        hub=FlipHub(flip) if flip is not None else _settings.hub(),
        events=Events(owner),
        peers=Peers(owner.find_peer),
    )
