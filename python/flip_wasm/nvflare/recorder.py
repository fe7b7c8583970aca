"""Records a job's run, so that it can be replayed with `flip-wasm run`.

Every place of the job, which is the server or a site, writes a file of its own, `<place>.jsonl`, and the
tensors of its results to `tensors/`. `flip_wasm.merge_trace` makes one trace of them.
"""

from __future__ import annotations

import json
import logging
import os
import re
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from nvflare.apis.dxo import DXO, DataKind, from_shareable
from nvflare.apis.event_type import EventType
from nvflare.apis.filter import Filter, FilterChainType, FilterContextKey
from nvflare.apis.fl_constant import FLContextKey, ReturnCode
from nvflare.apis.fl_context import FLContext
from nvflare.apis.server_engine_spec import ServerEngineSpec
from nvflare.apis.shareable import ReservedHeaderKey, Shareable
from nvflare.app_common.app_constant import AppConstants

logger = logging.getLogger(__name__)

SERVER = "server"
# What FLIP's components look at. Other properties may hold anything, tokens and paths among them.
PROPS = (
    FLContextKey.WORKFLOW,
    FLContextKey.TASK_NAME,
    AppConstants.CURRENT_ROUND,
    AppConstants.NUM_ROUNDS,
    AppConstants.MODEL_OWNER,
    AppConstants.DATA_CLIENT,
    AppConstants.VALIDATION_RESULT,
)
HEADERS = (
    ReservedHeaderKey.CONTENT_TYPE,
    AppConstants.CURRENT_ROUND,
    AppConstants.NUM_ROUNDS,
    AppConstants.MODEL_OWNER,
    "exception",
)
# The tasks of CleanupImages: what else sites execute is the engine's, or Python that is not replayed.
TASKS = ("init_training", "post_validation", "init_task", "post_task")
# A replay's components fire these themselves.
_OWN_EVENTS = ("_results_upload_started", "_results_upload_completed")
_LOG_EVENTS = (
    EventType.CRITICAL_LOG_AVAILABLE,
    EventType.ERROR_LOG_AVAILABLE,
    EventType.EXCEPTION_LOG_AVAILABLE,
    EventType.WARNING_LOG_AVAILABLE,
    EventType.INFO_LOG_AVAILABLE,
    EventType.DEBUG_LOG_AVAILABLE,
)
_SKIPPED_EVENTS = frozenset((*_OWN_EVENTS, *_LOG_EVENTS))
_KINDS = frozenset(kind.value for kind in DataKind)
_RETURN_CODES = frozenset(value for name, value in vars(ReturnCode).items() if name.isupper())
_DTYPES = {
    "bool": "BOOL",
    **{f"int{bits}": f"I{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"U{bits}" for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"F{bits}" for bits in (16, 32, 64)},
}
_MAX_DEPTH = 16


class TraceRecorder(Filter):  # type: ignore[misc]  # nvflare's classes have no types
    """Records what happens at the server or at a site.

    Put it among the components, first, to record events and tasks; and among the filters of task results,
    before those that change them, to record raw results. It changes nothing. Where it fails it says so in a
    warning and stops recording; the job goes on.

    Args:
        folder: where to write to, relative to the workspace of the server or site. Every run needs a new
            one. It must be outside the job's folder, which may be deleted during the run.
        tasks: the tasks that are recorded as an executor's; by default those of CleanupImages.
        props: names of properties of events that are recorded besides the usual ones.

    Results hold raw weights: keep the folder as private as the data that a site trains on.
    """

    def __init__(
        self, folder: str = "trace", tasks: list[str] | None = None, props: list[str] | None = None
    ) -> None:
        super().__init__()
        self._folder = folder
        self._tasks = frozenset(TASKS if tasks is None else tasks)
        self._props = (*PROPS, *(props or ()))
        self._failed = False

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Records an event, and before an execution also the task. Never raises."""
        if event_type not in _SKIPPED_EVENTS:
            self._try(fl_ctx, lambda place: self._event(place, event_type, fl_ctx))

    def process(self, shareable: Shareable, fl_ctx: FLContext) -> Shareable:
        """Records a site's task result and returns it as it came. Never raises."""
        if self.get_prop(FilterContextKey.CHAIN_TYPE) != FilterChainType.TASK_DATA_CHAIN:
            self._try(fl_ctx, lambda place: self._result(place, shareable, fl_ctx))
        return shareable

    def _try(self, fl_ctx: FLContext, record: Callable[[_Place], None]) -> None:
        if self._failed:
            return
        place = None
        try:
            place = _place(self._folder, fl_ctx)
            with place.lock:
                if not place.stopped:
                    record(place)
        except Exception as error:
            self._failed = True
            if place is not None:
                place.stopped = True
            # As an event, the warning would come back to this handler.
            self.log_warning(fl_ctx, f"this run is recorded no further: {error!r}", fire_event=False)

    def _event(self, place: _Place, event_type: str, fl_ctx: FLContext) -> None:
        # A site may have a recorder among its components and one among its filters: both get the events.
        if place.recorder is None:
            place.recorder = self
        if place.recorder is not self:
            return
        props = {}
        for name in self._props:
            value = fl_ctx.get_prop(name)
            if isinstance(value, Shareable):
                props[name] = {"shareable": place.shareable(value, str(name))}
            elif value is not None and _is_plain(value):
                props[name] = _plain(value)
        peer = _peer(fl_ctx)
        place.write({**peer, "event": event_type, "props": props})
        task = fl_ctx.get_prop(FLContextKey.TASK_NAME)
        if event_type == EventType.BEFORE_TASK_EXECUTION and (task in self._tasks or "*" in self._tasks):
            data = place.shareable(fl_ctx.get_prop(FLContextKey.TASK_DATA, Shareable()), f"{task}-data")
            place.write({**peer, "task": task, **({"data": data} if data else {})})

    def _result(self, place: _Place, result: Shareable, fl_ctx: FLContext) -> None:
        task = fl_ctx.get_prop(FLContextKey.TASK_NAME)
        if place.name != SERVER and isinstance(task, str):
            place.write({**_peer(fl_ctx), "result": {"task": task, **place.shareable(result, task)}})


class _Place:
    """The files of one place."""

    def __init__(self, folder: Path, fl_ctx: FLContext) -> None:
        self.name = _place_name(fl_ctx)
        self.lock = threading.RLock()
        self.stopped = False
        self.recorder: TraceRecorder | None = None
        self._time = 0
        self._files = 0
        self._folder = folder
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", self.name):
            raise ValueError(f"{self.name!r} cannot be the name of a file")
        (folder / "tensors").mkdir(parents=True, exist_ok=True)
        # Line by line, so that a run that is killed leaves what happened before.
        self._lines = (folder / f"{self.name}.jsonl").open("a", buffering=1, encoding="ascii")
        start = {"job_id": fl_ctx.get_job_id(), "identity": fl_ctx.get_identity_name()}
        self.write({"place": start, "net_id": os.environ.get("NET_ID")})

    def write(self, record: Mapping[str, Any]) -> None:
        # A clock that is set back must not change the order within a place.
        self._time = max(self._time + 1, time.time_ns())
        self._lines.write(json.dumps({"time": self._time, "at": self.name, **record}) + "\n")

    def shareable(self, shareable: Shareable, name: str) -> dict[str, Any]:
        """What a trace says of a shareable; tensors go to files that are called by `name`."""
        written: dict[str, Any] = {}
        code = shareable.get_return_code(ReturnCode.OK)
        if code != ReturnCode.OK:
            written["return_code"] = code if code in _RETURN_CODES else ReturnCode.ERROR
        headers = {key: shareable.get_header(key) for key in HEADERS}
        headers = {key: value for key, value in headers.items() if value is not None and _is_plain(value)}
        if headers:
            written["headers"] = _plain(headers)
        if shareable.get_header(ReservedHeaderKey.CONTENT_TYPE) == "DXO":
            dxo = self._dxo(from_shareable(shareable), name)
            if dxo is None:
                logger.warning("%s: the dxo of %s is left out: a trace cannot hold it", self.name, name)
            else:
                written["dxo"] = dxo
        return written

    def _dxo(self, dxo: DXO, name: str) -> dict[str, Any] | None:
        """What a trace says of a dxo; None for one that it cannot hold."""
        kind = str(getattr(dxo.data_kind, "value", dxo.data_kind))
        meta = {key: _plain(value) for key, value in (dxo.meta or {}).items() if _is_plain({key: value})}
        written: dict[str, Any] = {"kind": kind, "meta": meta}
        if kind in (DataKind.WEIGHTS, DataKind.WEIGHT_DIFF):
            arrays = _arrays(dxo.data)
            return None if arrays is None else {**written, "tensors": self._tensors(arrays, kind, meta, name)}
        if kind == DataKind.COLLECTION:
            if not isinstance(dxo.data, dict):
                return None
            members = {key: self._dxo(member, f"{name}-{key}") for key, member in dxo.data.items()}
            return {**written, "data": members} if all(members.values()) else None
        if kind not in _KINDS or not _is_plain(dxo.data):
            return None
        return {**written, "data": _plain(dxo.data)}

    def _tensors(self, arrays: Mapping[str, np.ndarray], kind: str, meta: object, name: str) -> str:
        name = re.sub(r"[^A-Za-z0-9_-]", "_", name)
        while True:
            path = f"tensors/{self.name}_{name}-{self._files}.safetensors"
            self._files += 1
            try:
                # Never another run's: the place may have been recorded before, in another process.
                with (self._folder / path).open("xb") as file:
                    file.writelines(_safetensors(arrays, {"flip.kind": kind, "flip.meta": json.dumps(meta)}))
                return path
            except FileExistsError:
                continue


_places: dict[tuple[Path, str, str], _Place] = {}
_places_lock = threading.Lock()


def _place(folder: str, fl_ctx: FLContext) -> _Place:
    """The place of a context. It is one for all recorders of a process: they write to one file."""
    path = Path(fl_ctx.get_workspace().get_root_dir(), folder)
    key = (path, _place_name(fl_ctx), fl_ctx.get_job_id())
    with _places_lock:
        if key not in _places:
            _places[key] = _Place(path, fl_ctx)
        return _places[key]


def _place_name(fl_ctx: FLContext) -> str:
    return SERVER if isinstance(fl_ctx.get_engine(), ServerEngineSpec) else str(fl_ctx.get_identity_name())


def _peer(fl_ctx: FLContext) -> dict[str, str]:
    peer = fl_ctx.get_peer_context()
    name = peer.get_identity_name() if isinstance(peer, FLContext) else None
    return {"peer": name} if isinstance(name, str) and name else {}


def _is_plain(value: object, depth: int = 0) -> bool:
    """Whether JSON has the value, NumPy's scalars included."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        # JSON escapes a lone surrogate, and a reader of UTF-8 refuses it.
        return not any("\ud800" <= letter <= "\udfff" for letter in value)
    if value is None or isinstance(value, (bool, int, float)):
        return True
    if depth == _MAX_DEPTH:
        return False
    if isinstance(value, dict):
        members = value.items()
        return all(isinstance(k, str) and _is_plain(k) and _is_plain(v, depth + 1) for k, v in members)
    return isinstance(value, (list, tuple)) and all(_is_plain(member, depth + 1) for member in value)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, (list, tuple)) else value


def _arrays(data: Mapping[Any, Any]) -> dict[str, np.ndarray] | None:
    """The arrays of a dxo; None where one is nothing that NumPy and safetensors both have."""
    try:
        arrays = {name: np.asarray(value) for name, value in data.items()}
    except Exception:
        # Such as a tensor of PyTorch that is on a device, or a bfloat16.
        return None
    fits = all(_is_plain({name: None}) and array.dtype.name in _DTYPES for name, array in arrays.items())
    return arrays if fits and "__metadata__" not in arrays else None


def _safetensors(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> Iterator[bytes]:
    """The parts of a safetensors file: the header's length, the header, the arrays."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    begin = 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": _DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [begin, begin + array.nbytes],
        }
        begin += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield struct.pack("<Q", len(text)) + text
    for array in arrays.values():
        yield array.astype(array.dtype.newbyteorder("<")).tobytes()
