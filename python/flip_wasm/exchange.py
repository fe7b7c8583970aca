"""What goes into a component and comes out of it, and what serves it meanwhile.

Whatever has the same attributes will do in their place: NVFLARE's own ``DXO`` is taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class DXO:
    """NVFLARE's data exchange object: data of one kind, with meta properties."""

    data_kind: str
    """NVFLARE's name of the kind, such as ``WEIGHT_DIFF``."""
    data: Any = None
    """Arrays by name for ``WEIGHTS`` and ``WEIGHT_DIFF``, dxos by name for ``COLLECTION``, else plain values."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Meta properties. Those that have no JSON form are not shown to components, and stay."""


@dataclass(frozen=True, eq=False)
class Shareable:
    """A task's data or its result."""

    return_code: str = "OK"
    """NVFLARE's name of the return code."""
    headers: Mapping[str, Any] = field(default_factory=dict)
    dxo: Any = None
    """What it carries; ``None`` where that is no dxo."""


@dataclass(frozen=True, eq=False)
class Leaf:
    """What became of one leaf dxo."""

    path: str
    """The names of the collections' members that lead to it, joined by dots."""
    outcome: str
    """``filtered``, ``unchanged`` or ``passed-by``."""
    reason: str | None
    gauges: Mapping[str, float]
    """The figures that the filter reported."""


@dataclass(frozen=True, eq=False)
class Filtered:
    """A dxo that a filter let out."""

    dxo: DXO
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True, eq=False)
class Context:
    """NVFLARE's FLContext, as far as a component may see it."""

    job_id: str = ""
    identity: str = ""
    """The name of the site or server that the component runs at."""
    peer_identity: str | None = None
    """Who sent what is being handled."""
    local_dev: bool = False
    """True on a developer's machine: nothing is deleted, uploaded or reported."""
    props: Mapping[str, Any] = field(default_factory=dict)
    """Properties that are plain values; others are not shown."""
    shareables: Mapping[str, Any] = field(default_factory=dict)
    """Properties that are shareables."""
    abort: Any = None
    """The run's abort signal: anything with the attribute ``triggered``."""


@dataclass(frozen=True, eq=False)
class Host:
    """What serves a component. What is not here, the component is told it may not use; so it is with what the
    site's policy does not grant. Methods are called on the thread that called the component; ``context`` is
    the object that the call was given."""

    log: Any = None
    """A callable ``(component, level, message)``; Python's logging by default."""
    directories: Any = None
    """Paths by the names ``job``, ``app``, ``workspace``, ``images``, ``safehouse`` and ``checkpoints``; or an
    object with ``open(name, context)``, which answers with a path, or ``None``."""
    object_store: Any = None
    """An ``ObjectStore``; or an object with ``put(key, contents)``, ``put_archive(key, folder, max_bytes,
    context)``, which answers with the archive's size, ``get(key, offset, length)`` and ``head(key)``, which
    answer with bytes and a size, or ``None``."""
    hub: Any = None
    """An ``HttpHub``; or an object with ``update_status(model_id, status)``, ``send_metric(client, model_id,
    label, value, round)`` and ``send_exception(client, model_id, text)``."""
    events: Any = None
    """An object with ``fire(event_type, context)`` and ``system_panic(reason, context)``."""
    peers: Any = None
    """An object with ``results_generator(id, context)``, ``results_persistor(id, context)`` and
    ``model_persistor(id, context)``: each answers with the component, ``None`` where there is none, or a text
    that says what there is instead. A generator has ``handle_evaluation_event(event_type, context)`` and
    ``all_tasks_failed()``, a results persistor ``execute(context)``, a model persistor
    ``model_inventory(context)``: locations by file name."""
