"""What goes wrong is an exception of its own, and a component can be stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import flip_wasm

UPDATE = flip_wasm.DXO("WEIGHT_DIFF", {"a": np.ones(4, "f4")})


@pytest.fixture(scope="module")
def runtime() -> flip_wasm.Runtime:
    return flip_wasm.Runtime(limits={"call-time": "2s", "memory": "64MiB"})


def misbehaving(runtime: flip_wasm.Runtime, guests: Path, deed: Any, **limits: Any) -> flip_wasm.Instance:
    component = runtime.load(guests / "misbehaving-filter.wasm")
    return component.instantiate({"deed": deed}, limits=limits)


@pytest.mark.parametrize(
    ("deed", "limits", "expected", "code", "limit"),
    [
        ("panic", {}, "ComponentTrapped", "component-failed", None),
        ("loop", {"call-time": "100ms"}, "LimitExceeded", "component-failed", "call-time"),
        ("grow", {}, "LimitExceeded", "component-failed", "memory"),
        ({"refuse": "no"}, {}, "FilterRefused", "refused", None),
        ({"fail": "no"}, {}, "ComponentFailed", "invalid-input", None),
    ],
)
def test_a_deed_raises_its_exception(
    runtime: flip_wasm.Runtime, guests: Path, deed: Any, limits: Any, expected: str, code: str, limit: str | None
) -> None:
    instance = misbehaving(runtime, guests, deed, **limits)
    with pytest.raises(flip_wasm.FlipWasmError) as caught:
        instance.filter(UPDATE)
    error = caught.value
    assert (type(error).__name__, error.code, error.limit) == (expected, code, limit)
    assert error.component == "misbehaving-filter" and "misbehaving-filter" in str(error)
    if expected in ("ComponentTrapped", "LimitExceeded"):
        with pytest.raises(flip_wasm.InstancePoisoned):
            instance.filter(UPDATE)
    assert UPDATE.data["a"].tolist() == [1, 1, 1, 1]


def test_what_cannot_be_loaded(runtime: flip_wasm.Runtime, guests: Path, tmp_path: Path) -> None:
    (tmp_path / "none.wasm").write_bytes(b"\0asm????")
    (tmp_path / "folder.wasm").mkdir()
    for name, kind in [
        ("no-such-filter", flip_wasm.UnknownComponent),
        (tmp_path / "missing.wasm", flip_wasm.FileFailed),
        (tmp_path / "none.wasm", flip_wasm.InvalidComponent),
        (tmp_path / "folder.wasm", flip_wasm.InvalidFile),
    ]:
        with pytest.raises(kind):
            runtime.load(name)
    with pytest.raises(flip_wasm.WrongDigest, match="the configuration asks for the digest 0000"):
        runtime.load(guests / "errand.wasm", sha256="0" * 64)
    sha256 = runtime.load(guests / "errand.wasm").sha256
    assert runtime.load(guests / "errand.wasm", sha256=sha256.upper()).sha256 == sha256
    with pytest.raises(ValueError, match="no sha256 digest"):
        runtime.load("percentile-privacy", sha256="abc")


def test_what_cannot_be_configured_or_called(runtime: flip_wasm.Runtime, tmp_path: Path) -> None:
    component = runtime.load("percentile-privacy")
    with pytest.raises(flip_wasm.InvalidArgs, match="percentile"):
        component.instantiate({"percentile": "high"})
    with pytest.raises(ValueError, match="limits: unknown field `memroy`"):
        component.instantiate(limits={"memroy": 1})
    with pytest.raises(flip_wasm.MissingRole, match="the role executor is needed"):
        component.instantiate().execute("train")
    policy = tmp_path / "policy.toml"
    policy.write_text("[components.A]\nhubs = []\n")
    with pytest.raises(flip_wasm.InvalidPolicy, match="unknown field `hubs`"):
        flip_wasm.Runtime(policy=policy)


def test_places_are_made_ready_for_what_the_component_accepts(runtime: flip_wasm.Runtime) -> None:
    component = runtime.load("percentile-privacy")
    component.warm(3, {"percentile": 50, "gamma": 0.25})
    with pytest.raises(flip_wasm.InvalidArgs):
        component.warm(1, {"percentile": "half"})


def test_a_job_cannot_widen_its_limits(runtime: flip_wasm.Runtime, guests: Path) -> None:
    limits = misbehaving(runtime, guests, "panic", **{"memory": "8GiB", "call-time": "1h", "gauges": 3}).limits
    assert (limits["memory"], limits["call-time"], limits["gauges"]) == (64 << 20, "2s", 3)


def test_a_policy_decides(guests: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        f'[components.errand]\nsha256 = "{"0" * 64}"\n'
        '[components.misbehaving-filter]\nlimits = { call-time = "50ms" }\non-filter-failure = "let-pass"\n'
    )
    runtime = flip_wasm.Runtime(policy=policy, cache=tmp_path / "cache")
    with pytest.raises(flip_wasm.WrongDigest, match="the policy asks"):
        runtime.load(guests / "errand.wasm")
    component = runtime.load(guests / "misbehaving-filter.wasm")
    assert component.on_filter_failure == "let-pass"
    with pytest.raises(flip_wasm.LimitExceeded, match="call-time"):
        component.instantiate({"deed": "loop"}).filter(UPDATE)
    assert list((tmp_path / "cache").iterdir())


def test_an_abort_signal_stops_a_loop(runtime: flip_wasm.Runtime, guests: Path) -> None:
    instance = misbehaving(flip_wasm.Runtime(), guests, "loop")
    signal_ = SimpleNamespace(triggered=False)
    threading.Timer(0.1, lambda: setattr(signal_, "triggered", True)).start()
    with pytest.raises(flip_wasm.RunAborted):
        instance.filter(UPDATE, flip_wasm.Context(abort=signal_))


# A process that is started in the background may have been told to ignore interrupts.
INTERRUPTED = """
import signal
import numpy, flip_wasm
signal.signal(signal.SIGINT, signal.default_int_handler)
component = flip_wasm.Runtime().load({guest!r})
instance = component.instantiate({{"deed": {deed!r}}})
print("ready", flush=True)
try:
    instance.filter(flip_wasm.DXO("WEIGHT_DIFF", {{"a": numpy.ones(4, "f4")}}))
except KeyboardInterrupt:
    print("interrupted")
result = flip_wasm.Runtime().load("percentile-privacy").instantiate().filter(
    flip_wasm.DXO("WEIGHT_DIFF", {{"a": numpy.ones(4, "f4")}}))
print(result.leaves[0].outcome)
"""


@pytest.mark.parametrize("deed", ["loop", "loop-over-host-calls"])
def test_an_interrupt_stops_a_component_and_leaves_the_process_fit(guests: Path, deed: str) -> None:
    script = INTERRUPTED.format(guest=str(guests / "misbehaving-filter.wasm"), deed=deed)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (output, process.returncode) == ("interrupted\nfiltered\n", 0)


def test_other_threads_run_while_a_component_does(guests: Path) -> None:
    instance = misbehaving(flip_wasm.Runtime(), guests, "loop", **{"call-time": "500ms"})
    counted = []

    def call() -> None:
        with pytest.raises(flip_wasm.LimitExceeded):
            instance.filter(UPDATE)
        counted.append("done")

    thread = threading.Thread(target=call)
    thread.start()
    turns = 0
    while thread.is_alive():
        turns += 1
        time.sleep(0.001)
    assert counted == ["done"] and turns > 50


def test_a_component_in_use_by_another_thread_is_busy(guests: Path) -> None:
    instance = misbehaving(flip_wasm.Runtime(), guests, "loop", **{"call-time": "1s"})
    thread = threading.Thread(target=lambda: pytest.raises(flip_wasm.LimitExceeded, instance.filter, UPDATE))
    thread.start()
    time.sleep(0.2)
    with pytest.raises(flip_wasm.ComponentBusy):
        instance.filter(UPDATE)
    thread.join()


def test_importing_needs_neither_numpy_nor_nvflare() -> None:
    script = "import sys, flip_wasm; print(sorted({'numpy', 'nvflare', 'torch'} & set(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert output.stdout == "[]\n"


def test_classes_are_frozen(runtime: flip_wasm.Runtime) -> None:
    component = runtime.load("percentile-privacy")
    for thing in [runtime, component, component.instantiate(), UPDATE]:
        with pytest.raises(AttributeError):
            thing.name = "other"  # type: ignore[misc, union-attr]
