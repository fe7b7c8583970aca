"""NVFLARE's objects as those of the runtime, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nvflare.apis.dxo import DXO, MetaKey, from_shareable
from nvflare.apis.fl_constant import ReservedKey
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import ReservedHeaderKey, Shareable, make_reply

import flip_wasm

from . import _settings

_MAX_VALUES = 10_000
"""A property with more values than this is data, not a property."""


@dataclass(frozen=True, eq=False)
class FlareContext(flip_wasm.Context):
    """A context that remembers the FLContext that it was made of."""

    fl_ctx: Any = None


def context_of(fl_ctx: FLContext | None, abort: Any = None) -> FlareContext:
    """What a component may see of an FLContext: plain values, and shareables."""
    if fl_ctx is None:
        return FlareContext(local_dev=_settings.local_dev())
    props: dict[str, Any] = {}
    shareables: dict[str, flip_wasm.Shareable] = {}
    for name in fl_ctx.get_prop_keys():
        value = fl_ctx.get_prop(name)
        if isinstance(value, Shareable):
            shareables[name] = shareable_of(value)
        elif isinstance(name, str) and not name.startswith("__") and _is_plain(value, [_MAX_VALUES]):
            # What begins with two underscores is the engine's own, tokens among it.
            props[name] = value
    peer = fl_ctx.get_peer_context()
    return FlareContext(
        job_id=fl_ctx.get_job_id() or "",
        identity=fl_ctx.get_identity_name(default="") or "",
        peer_identity=peer.get_identity_name(default="") or None if peer else None,
        local_dev=_settings.local_dev(),
        props=props,
        shareables=shareables,
        abort=abort if abort is not None else fl_ctx.get_prop(ReservedKey.RUN_ABORT_SIGNAL),
        fl_ctx=fl_ctx,
    )


def _is_plain(value: Any, left: list[int]) -> bool:
    """Whether a value is plain and small. Subclasses of dict, such as a model, are not plain."""
    left[0] -= 1
    if left[0] < 0:
        return False
    if value is None or type(value) in (str, int, float, bool):
        return True
    if type(value) in (list, tuple):
        return all(_is_plain(item, left) for item in value)
    if type(value) is dict:
        return all(type(key) is str and _is_plain(item, left) for key, item in value.items())
    return False


def shareable_of(shareable: Shareable) -> flip_wasm.Shareable:
    """A shareable; without data where that is no dxo."""
    code = shareable.get_return_code()
    try:
        dxo = from_shareable(shareable)
    except Exception:
        # NVFLARE raises many kinds of errors for what is no dxo.
        dxo = None
    headers = shareable.get(ReservedHeaderKey.HEADERS)
    plain = headers if isinstance(headers, Mapping) else {}
    return flip_wasm.Shareable(code, {k: v for k, v in plain.items() if _is_plain(v, [_MAX_VALUES])}, dxo)


def reply_of(shareable: flip_wasm.Shareable) -> Shareable:
    """The reply of an executor."""
    reply = make_reply(shareable.return_code, headers=dict(shareable.headers) or None)
    return dxo_of(shareable.dxo).update_shareable(reply) if shareable.dxo is not None else reply


def dxo_of(dxo: flip_wasm.DXO) -> DXO:
    """NVFLARE's dxo of the runtime's."""
    data = dxo.data
    if dxo.data_kind == "COLLECTION":
        data = {name: dxo_of(member) for name, member in data.items()}
    return DXO(data_kind=dxo.data_kind, data=data, meta=dict(dxo.meta))


def put_into(dxo: DXO, filtered: flip_wasm.DXO) -> DXO:
    """Puts what came out of a filter into the dxo that went in. NVFLARE keeps the history of filters itself."""
    history = dxo.meta.get(MetaKey.FILTER_HISTORY)
    dxo.data = filtered.data
    dxo.meta = {key: value for key, value in filtered.meta.items() if key != MetaKey.FILTER_HISTORY}
    if history is not None:
        # A list of its own: NVFLARE adds to it, and the dxo may be put back as it was.
        dxo.meta[MetaKey.FILTER_HISTORY] = list(history)
    return dxo
