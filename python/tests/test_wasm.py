"""Anyone's component in a job: the site's policy decides, the job can only tighten."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flare import Engine, engine  # noqa: F401  # a fixture
from nvflare.apis.dxo import DXO, DataKind, from_shareable
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.shareable import Shareable
from nvflare.apis.signal import Signal
from nvflare.job_config.api import FedJob
from nvflare.job_config.defs import FilterType

import flip_wasm
from flip_wasm.nvflare import WasmEventHandler, WasmExecutor, WasmFilter, WasmModelLocator
from flip_wasm.nvflare.components import PercentilePrivacy

FILTER = "misbehaving-filter.wasm"


@pytest.fixture(autouse=True)
def in_the_job(engine: Engine, guests: Path) -> None:  # noqa: F811
    """The job brings the guests in its own folder."""
    for guest in (FILTER, "errand.wasm"):
        shutil.copy(guests / guest, engine.workspace.get_app_custom_dir("job-1"))


def allow(engine: Engine, policy: str) -> None:  # noqa: F811
    (engine.workspace.root / "local/policy.toml").write_text(policy)


def update() -> Shareable:
    return DXO(DataKind.WEIGHT_DIFF, data={"a": np.ones(3, "f4")}).to_shareable()


def test_a_filter_of_the_job(engine: Engine) -> None:  # noqa: F811
    zero = WasmFilter(FILTER, args={"deed": "zero"})
    dxo = from_shareable(zero.process(update(), engine.context()))
    assert dxo.data["a"].tolist() == [0, 0, 0] and dxo.get_filter_history() == ["WasmFilter"]


@pytest.mark.parametrize(
    ("deed", "limits", "text"),
    [
        ("panic", None, "trapped"),
        ("zero-then-panic", None, "trapped"),
        ("loop", {"call-time": "100ms"}, "limit call-time reached"),
        ({"refuse": "never"}, None, "refused: never"),
        ("loop-in-configure", {"call-time": "100ms"}, "limit call-time reached"),
    ],
)
def test_a_filter_that_fails_lets_nothing_out_and_is_made_anew(
    engine: Engine, deed: Any, limits: Any, text: str  # noqa: F811
) -> None:
    bad = WasmFilter(FILTER, args={"deed": deed}, limits=limits)
    reply = bad.process(update(), engine.context())
    assert reply.get_return_code() == ReturnCode.TASK_RESULT_FILTER_ERROR and "DXO" not in reply
    assert text in reply.get_header("exception")
    bad.args = {"deed": "zero"}
    assert from_shareable(bad.process(update(), engine.context())).data["a"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("component", "sha256", "text"),
    [(FILTER, "0" * 64, "asks for the digest 0000"), ("missing.wasm", None, "No such file")],
)
def test_what_is_not_the_file_that_was_asked_for_lets_nothing_out(
    engine: Engine, component: str, sha256: str | None, text: str  # noqa: F811
) -> None:
    allow(engine, '[components.misbehaving-filter]\non-filter-failure = "let-pass"\n')
    other = WasmFilter(component, args={"deed": "zero"}, sha256=sha256)
    reply = other.process(update(), engine.context())
    assert reply.get_return_code() == ReturnCode.TASK_RESULT_FILTER_ERROR and "DXO" not in reply
    assert text in reply.get_header("exception")


def test_the_sites_policy_limits_and_the_job_does_not_widen(engine: Engine) -> None:  # noqa: F811
    allow(engine, '[components.misbehaving-filter]\nlimits = { call-time = "80ms" }\n')
    loop = WasmFilter(FILTER, args={"deed": "loop"}, limits={"call-time": "1h"})
    reply = loop.process(update(), engine.context())
    assert "limit call-time reached: 80ms allowed" in reply.get_header("exception")


def test_a_policy_in_the_jobs_folder_counts_for_nothing(engine: Engine) -> None:  # noqa: F811
    policy = '[components.errand]\nevents = ["a"]\n'
    for folder in ("job-1", "job-1/app_server", "job-1/app_server/custom", "job-1/app_server/local"):
        (engine.workspace.root / folder).mkdir(exist_ok=True)
        (engine.workspace.root / folder / "policy.toml").write_text(policy)
    handler = WasmEventHandler("errand.wasm", args={"on": {"_start_run": [{"fire": "a"}]}})
    handler.handle_event("_start_run", engine.context())
    assert engine.events == []


def test_an_event_handler(engine: Engine) -> None:  # noqa: F811
    allow(engine, '[components.errand]\nevents = ["a"]\n')
    handler = WasmEventHandler("errand.wasm", args={"on": {"_start_run": [{"fire": "a"}], "a": [{"fire": "a"}]}})
    engine.components = {"handler": handler}
    for event in ("_end_run", "_start_run"):
        handler.handle_event(event, engine.context())
    # What it fires reaches it once it has returned; that it fires again is its own doing, up to the limit.
    assert len(engine.events) > 1_000 and set(engine.events) == {"a"}


def test_an_executor_and_a_locator(engine: Engine, fixtures: Path) -> None:  # noqa: F811
    executor = WasmExecutor("errand.wasm", args={"on": {"train": [{"say": "working"}]}})
    reply = executor.execute("train", update(), engine.context(), Signal())
    assert reply.get_return_code() == ReturnCode.OK
    checkpoint = fixtures.parent.parent / "components/checkpoint/tests/fixtures/torch1/state_dict.pt"
    shutil.copy(checkpoint, engine.workspace.root / "job-1/app_server/model/FL_global_model.pt")
    locator = WasmModelLocator("pt-model-locator")
    assert locator.get_model_names(engine.context()) == ["server"]
    assert locator.locate_model("server", engine.context()).data_kind == DataKind.WEIGHTS


def test_an_abort_signal_ends_what_waits(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:  # noqa: F811
    allow(engine, '[components.errand]\ndirectories = { job = "read" }\n')
    (engine.workspace.root / "job-1/a").write_text("something else")
    signal = Signal()
    threading.Timer(0.3, signal.trigger, [True]).start()
    executor = WasmExecutor("errand.wasm", args={"on": {"train": [{"read-until": ["job", "a", "never"]}]}})
    with caplog.at_level(logging.INFO):
        executor.execute("train", Shareable(), engine.context(), signal)
    assert "the run is being aborted" in caplog.text


def test_a_job_that_nvflare_exports_keeps_the_args_and_finds_the_package(tmp_path: Path) -> None:
    job = FedJob(name="exported")
    bring = WasmFilter("my.wasm", args={"strength": 3}, sha256="ab" * 32, limits={"memory": "8MiB"})
    job.to(bring, "site-1", tasks=["train"], filter_type=FilterType.TASK_RESULT)
    job.to(PercentilePrivacy(95, 0.1), "site-1", tasks=["train"], filter_type=FilterType.TASK_RESULT)
    job.export_job(str(tmp_path))
    (config,) = tmp_path.rglob("config_fed_client.json")
    first, second = json.loads(config.read_text())["task_result_filters"][0]["filters"]
    assert first["args"] == {
        "component": "my.wasm", "args": {"strength": 3}, "sha256": "ab" * 32, "limits": {"memory": "8MiB"},
    }  # fmt: skip
    assert (second["args"]["percentile"], second["args"]["gamma"]) == (95, 0.1)
    # NVFLARE copies parts of the package's sources into the job, which must not stand before the package.
    script = f"import sys; sys.path.insert(0, {str(config.parent.parent / 'custom')!r})\n"
    script += f"from {first['path'].rpartition('.')[0]} import WasmFilter; import flip_wasm; flip_wasm.Runtime()"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_handler_that_cannot_be_made_ends_the_run(engine: Engine) -> None:  # noqa: F811
    handler = WasmEventHandler("errand.wasm", args={"no": "such"})
    engine.components = {"handler": handler}
    engine.fire_event("_start_run", engine.context())
    engine.fire_event("_end_run", engine.context())
    assert engine.events == ["_start_run", "_fatal_system_error", "_end_run"]


class Crossing:
    """Two handlers, each of which fires an event that the other handles, on a thread of its own."""

    def __init__(self, engine: Engine) -> None:  # noqa: F811
        allow(engine, '[components.errand]\nevents = ["to-one", "to-two"]\n')
        self.engine = engine
        args = {"one": {"go": [{"fire": "to-two"}], "to-one": []}, "two": {"go": [{"fire": "to-one"}], "to-two": []}}
        self.handlers = {name: WasmEventHandler("errand.wasm", args={"on": on}) for name, on in args.items()}
        engine.components = self.handlers

    def go(self, name: str) -> None:
        for _ in range(20):
            self.handlers[name].handle_event("go", self.engine.context())


def test_handlers_that_call_each_other_from_two_threads_do_not_wait_for_ever(engine: Engine) -> None:  # noqa: F811
    crossing = Crossing(engine)
    threads = [threading.Thread(target=crossing.go, args=(name,), daemon=True) for name in crossing.handlers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    assert sorted(set(engine.events)) == ["to-one", "to-two"] and len(engine.events) == 40
