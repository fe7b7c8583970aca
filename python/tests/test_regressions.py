"""What a review broke: each test is named after that."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flare import Engine, engine  # noqa: F401  # a fixture
from nvflare.apis.dxo import DXO, DataKind, from_shareable
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable

import flip_wasm
from flip_wasm.nvflare import WasmEventHandler, WasmFilter, components
from flip_wasm.nvflare._turn import Turn

UPDATE = np.array([0.01, -0.1, 0.2, -4.0], "f4")
FAILED = ReturnCode.TASK_RESULT_FILTER_ERROR


def update(**meta: Any) -> Shareable:
    return DXO(DataKind.WEIGHT_DIFF, data={"a": UPDATE.copy()}, meta=meta).to_shareable()


def test_a_copy_of_a_filter_went_by_the_attributes_of_the_original() -> None:
    off = components.PercentilePrivacy(50, 0.25, off=True)
    on = copy.copy(off)
    on.off = False
    assert from_shareable(on.process(update(), FLContext())).data["a"].min() == -0.25
    assert from_shareable(off.process(update(), FLContext())).data["a"].min() == -4


def test_a_filter_that_was_entered_again_forgot_that_it_had_refused() -> None:
    class Nested(components.PercentilePrivacy):
        def process_dxo(self, dxo: DXO, shareable: Shareable, fl_ctx: FLContext) -> DXO | None:
            result = super().process_dxo(dxo, shareable, fl_ctx)
            if self.gamma < 0:
                self.gamma = 1
                assert self.process(update(), fl_ctx).get_return_code() == ReturnCode.OK
            return result

    reply = Nested(10, -1).process(update(), FLContext())
    assert reply.get_return_code() == FAILED and "DXO" not in reply


@pytest.mark.parametrize("kind", ["a folder", "a link to nothing", "a link to itself", "no TOML"])
def test_a_policy_that_cannot_be_read_counted_as_none(engine: Engine, kind: str) -> None:  # noqa: F811
    policy = engine.workspace.root / "local/policy.toml"
    if kind == "a folder":
        policy.mkdir()
    elif kind == "no TOML":
        policy.write_text("[")
    else:
        policy.symlink_to("missing" if kind == "a link to nothing" else "policy.toml")
    assert components.PercentilePrivacy().process(update(), engine.context()).get_return_code() == FAILED


def test_a_policy_that_was_deleted_counted_as_none(engine: Engine) -> None:  # noqa: F811
    policy = engine.workspace.root / "local/policy.toml"
    policy.write_text("[components.PercentilePrivacy]\nlimits = { handles = 99 }\n")
    assert components.PercentilePrivacy().process(update(), engine.context()).get_return_code() == ReturnCode.OK
    policy.unlink()
    # It was read, and goes on to hold; what is not known any more is no default.
    instance = components.PercentilePrivacy()
    assert instance._sandbox.instance(engine.context()).limits["handles"] == 99


def test_data_that_was_let_pass_bore_the_name_of_the_filter(engine: Engine) -> None:  # noqa: F811
    policy = '[components.PercentilePrivacy]\non-filter-failure = "let-pass"\n'
    (engine.workspace.root / "local/policy.toml").write_text(policy)
    members = {
        "good": DXO(DataKind.WEIGHT_DIFF, data={"a": UPDATE}, meta={"filter_history": ["X"]}),
        "bad": DXO(DataKind.WEIGHT_DIFF, data={"a": UPDATE}, meta={"NUM_STEPS_CURRENT_ROUND": 0}),
    }
    shareable = DXO(DataKind.COLLECTION, data=members).to_shareable()
    out = from_shareable(components.PercentilePrivacy().process(shareable, engine.context())).data
    assert out["good"].data["a"].tolist() == UPDATE.tolist() and out["good"].get_filter_history() == ["X"]


def test_raw_data_was_kept_by_a_filter() -> None:
    privacy_filter = components.PercentilePrivacy()
    for _ in range(3):
        privacy_filter.process_dxo(DXO(DataKind.WEIGHT_DIFF, data={"a": UPDATE}), Shareable(), FLContext())
        privacy_filter.process(update(), FLContext())
    assert privacy_filter._rounds == []


def test_a_dtype_that_bears_anothers_name_was_read_beyond_its_end() -> None:
    class bfloat16(np.void): ...

    array = np.zeros(1 << 16, np.dtype((bfloat16, [])))
    instance = flip_wasm.Runtime().load("percentile-privacy").instantiate()
    with pytest.raises(TypeError):
        instance.filter(flip_wasm.DXO("WEIGHT_DIFF", {"a": array}))


def test_an_interrupt_while_waiting_for_a_turn_left_a_trace_that_all_others_ran_into() -> None:
    turn = Turn()
    assert turn.take()
    script = SimpleNamespace(interrupted=False)

    def wait() -> None:
        import ctypes

        me = threading.get_ident()
        threading.Timer(0.2, lambda: ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(me), ctypes.py_object(KeyboardInterrupt))).start()  # fmt: skip
        threading.Timer(0.3, turn.give_back).start()
        try:
            turn.take()
            time.sleep(0.1)
        except KeyboardInterrupt:
            script.interrupted = True
        turn._owner = None
        assert turn.take()
        time.sleep(0.5)
        turn.give_back()

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    time.sleep(0.7)
    other = threading.Thread(target=lambda: turn.take() and turn.give_back(), daemon=True)
    other.start()
    waiting.join(10)
    other.join(10)
    assert script.interrupted and not waiting.is_alive() and not other.is_alive()


FORKED = """
import os, numpy, warnings
warnings.simplefilter("ignore")
from nvflare.apis.dxo import DXO, DataKind
from nvflare.apis.fl_context import FLContext
import flip_wasm
from flip_wasm.nvflare.components import PercentilePrivacy
update = lambda: DXO(DataKind.WEIGHT_DIFF, data={"a": numpy.ones(3, "f4")}).to_shareable()
used = PercentilePrivacy()
used.process(update(), FLContext())
instance = flip_wasm.Runtime().load("percentile-privacy").instantiate()
pid = os.fork()
if pid == 0:
    assert used.process(update(), FLContext()).get_return_code() == "OK"
    try:
        instance.filter(flip_wasm.DXO("WEIGHT_DIFF", {"a": numpy.ones(3, "f4")}))
    except RuntimeError as error:
        assert "forked" in str(error)
        os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
"""


def test_a_filter_in_a_process_that_was_forked_waited_for_ever() -> None:
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=60)


class Lines:
    """A host whose log does something at each line."""

    def __init__(self, guests: Path, count: int, line: Any) -> None:
        runtime = flip_wasm.Runtime()
        component = runtime.load(guests / "errand.wasm")
        self.seen = 0
        self.line = line
        on = {"go": [{"say": str(n)} for n in range(count)]}
        self.instance = component.instantiate({"on": on}, host=flip_wasm.Host(log=self.log))

    def log(self, component: str, level: int, message: str) -> None:
        self.seen += 1
        self.line(self.seen)


def test_an_interrupt_after_another_exception_was_lost(guests: Path) -> None:
    def line(seen: int) -> None:
        raise ValueError("first") if seen == 1 else KeyboardInterrupt

    lines = Lines(guests, 5, line)
    with pytest.raises(KeyboardInterrupt):
        lines.instance.handle_event("go")


def test_an_abort_signal_was_not_seen_while_the_component_called_its_host(guests: Path) -> None:
    signal = SimpleNamespace(triggered=False)

    def line(seen: int) -> None:
        signal.triggered = seen >= 5
        time.sleep(0.02)

    lines = Lines(guests, 400, line)
    with pytest.raises(flip_wasm.RunAborted):
        lines.instance.handle_event("go", flip_wasm.Context(abort=signal))
    assert lines.seen < 300


def test_a_signal_that_raises_left_the_component_busy(guests: Path) -> None:
    class Broken:
        @property
        def triggered(self) -> bool:
            raise OSError("no signal")

    instance = flip_wasm.Runtime().load(guests / "misbehaving-filter.wasm").instantiate({"deed": "loop"})
    dxo = flip_wasm.DXO("WEIGHT_DIFF", {"a": UPDATE})
    with pytest.raises(OSError, match="no signal"):
        instance.filter(dxo, flip_wasm.Context(abort=Broken()))
    with pytest.raises(flip_wasm.InstancePoisoned):
        instance.filter(dxo)


def test_an_event_that_a_handler_does_not_want_waited_for_it(engine: Engine, guests: Path) -> None:  # noqa: F811
    handler = WasmEventHandler(str(guests / "errand.wasm"), args={"on": {"go": [{"say": "x"}]}})
    handler.handle_event("go", engine.context())
    assert handler._sandbox._turn.take()
    other = threading.Thread(target=handler.handle_event, args=("unwanted", engine.context()), daemon=True)
    other.start()
    other.join(10)
    assert not other.is_alive()
    handler._sandbox._turn.give_back()


def test_a_property_that_has_no_json_form_broke_every_call(engine: Engine) -> None:  # noqa: F811
    odd = DXO(DataKind.APP_DEFINED, data={"x": object()}).to_shareable()
    fl_ctx = engine.context(__task_data__=odd, other=odd)
    assert components.PercentilePrivacy().process(update(), fl_ctx).get_return_code() == ReturnCode.OK


def test_the_engines_own_properties_were_shown(engine: Engine) -> None:  # noqa: F811
    from flip_wasm.nvflare._exchange import context_of

    context = context_of(engine.context(__client_token="secret", _model_owner_="server"))
    assert context.props == {"_model_owner_": "server"}


@pytest.mark.parametrize("name", ["percentile", "gamma"])
def test_a_setting_that_is_not_a_number_was_a_parsers_message(name: str) -> None:
    privacy_filter = components.PercentilePrivacy()
    setattr(privacy_filter, name, float("nan"))
    dxo = DXO(DataKind.WEIGHT_DIFF, data={"a": UPDATE})
    assert privacy_filter.process_dxo(dxo, Shareable(), FLContext()) is None
    reply = privacy_filter.process(update(), FLContext())
    assert reply.get_return_code() == FAILED and f"{name} is not a number" in reply.get_header("exception")


def test_the_runtimes_limits_did_not_hold_for_built_ins() -> None:
    limits = flip_wasm.Runtime(limits={"call-time": "2s"}).load("percentile-privacy").instantiate().limits
    assert limits["call-time"] == "2s"


def test_a_component_outlived_its_totals_by_failing(engine: Engine, guests: Path) -> None:  # noqa: F811
    bad = WasmFilter(str(guests / "misbehaving-filter.wasm"), args={"deed": "panic"})
    reasons = [bad.process(update(), engine.context()).get_header("exception") for _ in range(15)]
    assert "trapped" in reasons[0] and "it has failed" in reasons[-1]


def test_args_that_look_like_a_class_can_be_told_from_one(engine: Engine, guests: Path) -> None:  # noqa: F811
    args = {"config_type": "dict", "deed": "zero"}
    zero = WasmFilter(str(guests / "misbehaving-filter.wasm"), args=args)
    assert zero.args == {"deed": "zero"}
    assert from_shareable(zero.process(update(), engine.context())).data["a"].tolist() == [0] * 4


def test_a_component_that_was_loaded_before_the_site_was_known_kept_no_policy(engine: Engine) -> None:  # noqa: F811
    generator = components.EvaluationJsonGenerator()
    assert generator.all_tasks_failed() is False
    policy = engine.workspace.root / "local/policy.toml"
    policy.write_text("[components.EvaluationJsonGenerator]\nlimits = { handles = 77 }\n")
    assert generator._sandbox.instance(engine.context()).limits["handles"] == 77


def test_data_that_cannot_be_used_counted_as_failures_of_the_filter() -> None:
    privacy_filter = components.PercentilePrivacy()
    for _ in range(15):
        bad = DXO(DataKind.WEIGHT_DIFF, data={"a": "no array"}).to_shareable()
        assert privacy_filter.process(bad, FLContext()).get_return_code() == FAILED
    assert privacy_filter.process(update(), FLContext()).get_return_code() == ReturnCode.OK
