"""The recorder writes what the host's reader of traces takes, and never gets into a job's way."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from job import MODEL_ID, SITES, CompletedRun, make_job, run_job
from servers import Hub, ObjectStore, hub, object_store

from flip_wasm.__main__ import main
from flip_wasm.merge_trace import TraceError, merge
from flip_wasm.nvflare.recorder import TraceRecorder
from nvflare.apis.dxo import DXO, DataKind
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.fl_context import FLContext, FLContextManager
from nvflare.apis.server_engine_spec import ServerEngineSpec
from nvflare.apis.shareable import Shareable, make_reply

__all__ = ["hub", "object_store"]

# The host's program, for the one test that replays a recording.
PROGRAM = Path(os.environ.get("FLIP_WASM", Path(__file__).parents[2] / "target/debug/flip-wasm"))


def context(root: Path, name: str = "site-1", **props: Any) -> FLContext:
    """A context as an engine makes it, at a place whose workspace is `root`."""
    attributes = {"get_workspace": lambda self: SimpleNamespace(get_root_dir=lambda: str(root))}
    bases = (ServerEngineSpec,) if name == "server" else ()
    engine = type("Engine", bases, {"__abstractmethods__": frozenset(), **attributes})
    # Set after the class is made, which works them out.
    engine.__abstractmethods__ = frozenset()
    fl_ctx: FLContext = FLContextManager(engine(), name, "job-1").new_context()
    for key, value in props.items():
        fl_ctx.set_prop(key, value, private=True, sticky=False)
    return fl_ctx


def records(root: Path, name: str = "site-1") -> list[dict[str, Any]]:
    lines = (root / "trace" / f"{name}.jsonl").read_text("ascii").splitlines()
    return [json.loads(line) for line in lines][1:]


def test_plain_props_are_recorded_and_others_skipped(tmp_path: Path) -> None:
    endless: list[Any] = []
    endless.append(endless)
    props: dict[str, Any] = {
        "int": np.int64(3), "nan": math.nan, "single": np.float32(0.5), "flag": np.True_, "list": (1, {"a": None}),
        "object": object(), "bytes": b"x", "keys": {1: 2}, "endless": endless, "surrogate": "\ud800",
        "complex": np.complex64(1), "array": np.zeros(2), "none": None, "when": np.datetime64("2020-01-01"),
    }
    fl_ctx = context(tmp_path, **props, __workflow__="train", secret="a token")
    TraceRecorder(props=list(props)).handle_event("_round_started", fl_ctx)
    [record] = records(tmp_path)
    assert math.isnan(record["props"].pop("nan"))
    assert record["props"] == {
        "__workflow__": "train", "int": 3, "single": 0.5, "flag": True, "list": [1, {"a": None}]
    }
    assert (record["at"], record["event"]) == ("site-1", "_round_started")


def test_a_shareable_among_the_props(tmp_path: Path) -> None:
    result = DXO(DataKind.METRICS, {"loss": np.float32(0.25), "n": 1}).to_shareable()
    fl_ctx = context(tmp_path, "server", _validation_result_=result)
    TraceRecorder().handle_event("_validation_result_received", fl_ctx)
    [record] = records(tmp_path, "server")
    dxo = {"kind": "METRICS", "meta": {}, "data": {"loss": 0.25, "n": 1}}
    shareable = {"headers": {"__content_type__": "DXO"}, "dxo": dxo}
    assert record["props"] == {"_validation_result_": {"shareable": shareable}}


def test_the_tensors_of_a_result(tmp_path: Path) -> None:
    from safetensors import numpy as safetensors

    arrays = {
        "matrix": np.arange(6, dtype="f4").reshape(2, 3).T,
        "big-endian": np.array([1, -2], ">i4"),
        "scalar": np.array(1.5, "f8"),
        "half": np.array([0.5, np.nan, -0.0], "f2"),
        "empty": np.zeros((0, 3), "u1"),
        "flags": np.array([True, False]),
        "ключ": np.array([2**63], "u8"),
    }
    result = DXO(DataKind.WEIGHT_DIFF, arrays, {"NUM_STEPS_CURRENT_ROUND": 4, "other": object()}).to_shareable()
    recorder, fl_ctx = TraceRecorder(), context(tmp_path, __task_name__="train")
    assert recorder.process(result, fl_ctx) is result
    recorder.process(result, fl_ctx)
    first, second = (record["result"]["dxo"] for record in records(tmp_path))
    assert first["tensors"] != second["tensors"]
    assert (first["kind"], first["meta"]) == ("WEIGHT_DIFF", {"NUM_STEPS_CURRENT_ROUND": 4})
    file = tmp_path / "trace" / first["tensors"]
    read = safetensors.load_file(file)
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(read[name], array)
    raw = file.read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    assert list(header) == ["__metadata__", *arrays]


def test_a_collection_a_failure_and_what_is_no_dxo(tmp_path: Path) -> None:
    weights = DXO(DataKind.WEIGHTS, {"w": np.zeros(1, "f4")})
    recorder, fl_ctx = TraceRecorder(), context(tmp_path, __task_name__="train")
    recorder.process(DXO(DataKind.COLLECTION, {"a/b": weights}).to_shareable(), fl_ctx)
    recorder.process(make_reply(ReturnCode.EXECUTION_EXCEPTION, {"exception": "oh"}), fl_ctx)
    recorder.process(Shareable({"no": "dxo"}), fl_ctx)
    collection, failed, other = (record["result"] for record in records(tmp_path))
    member = collection["dxo"]["data"]["a/b"]
    assert (member["kind"], member["tensors"]) == ("WEIGHTS", "tensors/site-1_train-a_b-0.safetensors")
    assert failed == {
        "task": "train", "return_code": "EXECUTION_EXCEPTION", "headers": {"exception": "oh"}
    }
    assert other == {"task": "train"}


@pytest.mark.parametrize("array", [np.array([object()]), np.zeros(1, "c8"), np.array(["text"])])
def test_an_array_that_no_trace_can_hold_is_left_out(
    tmp_path: Path, array: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, fl_ctx = TraceRecorder(), context(tmp_path, __task_name__="train")
    recorder.process(DXO(DataKind.WEIGHTS, {"w": array}).to_shareable(), fl_ctx)
    recorder.handle_event("_after", fl_ctx)
    result, after = records(tmp_path)
    assert "dxo" not in result["result"] and after["event"] == "_after"
    assert "left out" in caplog.text


def test_a_task_is_recorded_with_its_data(tmp_path: Path) -> None:
    for task in ("init_training", "train"):
        data = DXO(DataKind.METRICS, {"a": 1}).to_shareable() if task == "init_training" else Shareable()
        fl_ctx = context(tmp_path, __task_name__=task, __task_data__=data)
        TraceRecorder(folder="trace").handle_event("_before_task_execution", fl_ctx)
    # The second recorder is another one at the same place, such as the filter: the first has the events.
    event, task_record = records(tmp_path)
    assert event["event"] == "_before_task_execution"
    assert (task_record["task"], task_record["data"]["dxo"]["data"]) == ("init_training", {"a": 1})


@pytest.mark.parametrize("name", ["site-1", "no/name"])
def test_a_failure_stops_the_recording_and_not_the_job(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    if name == "site-1":
        (tmp_path / "trace").write_text("a file where the folder should be")
    recorder, fl_ctx = TraceRecorder(), context(tmp_path, name, __task_name__="train")
    result = Shareable()
    with caplog.at_level(logging.WARNING):
        recorder.handle_event("_start_run", fl_ctx)
        assert recorder.process(result, fl_ctx) is result
        recorder.handle_event("_end_run", fl_ctx)
    assert caplog.text.count("recorded no further") == 1


def write_recording(folder: Path, name: str, *lines: dict[str, Any], job: str = "job-1") -> None:
    place = {"time": 0, "at": name, "place": {"job_id": job, "identity": f"its-{name}"}, "net_id": "net-1"}
    folder.mkdir(exist_ok=True)
    text = "".join(json.dumps({"at": name, **line}) + "\n" for line in (place, *lines))
    (folder / f"{name}.jsonl").write_text(text)


def test_merging_orders_by_time_and_keeps_the_order_of_a_place(tmp_path: Path) -> None:
    server, site, out = tmp_path / "a", tmp_path / "b", tmp_path / "out" / "trace.jsonl"
    dxo = {"kind": "WEIGHTS", "meta": {"tensors": "no file"}, "tensors": "tensors/x.safetensors"}
    write_recording(server, "server", {"time": 5, "event": "e5"}, {"time": 3, "event": "after e5"})
    write_recording(site, "site-1", {"time": 4, "event": "e4"}, {"time": 6, "result": {"task": "t", "dxo": dxo}})
    with pytest.raises(TraceError, match="x.safetensors is missing"):
        merge([server, site], out)
    assert list(out.parent.iterdir()) == []
    (site / "tensors").mkdir()
    (site / "tensors" / "x.safetensors").write_bytes(b"x")
    # A line that was cut off when the run was killed.
    with (site / "site-1.jsonl").open("a") as file:
        file.write('{"time": 9, "at"')
    assert main(["merge-trace", str(server), str(site), "-o", str(out)]) == 0
    header, *lines = map(json.loads, out.read_text().splitlines())
    assert header == {
        "trace": 1, "job_id": "job-1", "server": "its-server", "sites": ["site-1"], "net_id": "net-1"
    }
    assert [line.get("event") for line in lines] == ["e4", "e5", "after e5", None]
    assert lines[3] == {"seq": 3, "at": "site-1", "result": {"task": "t", "dxo": dxo}}
    assert (out.parent / "tensors" / "x.safetensors").read_bytes() == b"x"


def test_recordings_that_make_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "a"
    write_recording(folder, "site-1")
    assert main(["trace", str(folder)]) == 2
    assert "no recording of the server" in capsys.readouterr().err
    start = {"time": 1, "event": "_start_run"}
    for lines, job, reason in (
        ([start, start], "job-1", "2 runs in one file"),
        ([], "job-2", "of job 'job-1', and the server's is 'job-2'"),
        ([{"event": "e"}], "job-1", "line 2: no record"),
        ([{"time": 1, "result": {"dxo": {"kind": "WEIGHTS", "tensors": "../x"}}}], "job-1", "not in its folder"),
    ):
        write_recording(folder, "server", *lines, job=job)
        with pytest.raises(TraceError, match=reason):
            merge([folder], tmp_path / "trace.jsonl")
    write_recording(folder, "server")
    with pytest.raises(TraceError, match="is recorded in"):
        merge([folder, folder], tmp_path / "trace.jsonl")
    # What is merged already is no recording.
    assert merge([folder], folder / "trace.jsonl") == merge([folder], folder / "trace.jsonl") == 0


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[CompletedRun, Path]:
    """A real run, and the trace of it."""
    root = tmp_path_factory.mktemp("recorded")
    job = make_job(root / "job", trace_folder=root / "trace")
    run = run_job(job, root / "workspace", {"NET_ID": "net-1"})
    assert run.exit_code == 0, run.log
    assert "recorded no further" not in run.log
    merge([root / "trace"], root / "trace" / "trace.jsonl")
    return run, root / "trace" / "trace.jsonl"


def test_a_real_run_is_recorded(recorded: tuple[CompletedRun, Path]) -> None:
    _, trace = recorded
    header, *lines = map(json.loads, trace.read_text().splitlines())
    assert header["sites"] == list(SITES) and header["net_id"] == "net-1"
    for site in SITES:
        here = [line for line in lines if line["at"] == site]
        assert [line["task"] for line in here if "task" in line] == ["init_training", "post_validation"]
        results = [line["result"] for line in here if "result" in line]
        assert [result["dxo"]["meta"]["NUM_STEPS_CURRENT_ROUND"] for result in results] == [4, 4]
        assert all((trace.parent / result["dxo"]["tensors"]).is_file() for result in results)
    events = [line["event"] for line in lines if line["at"] == "server" and "event" in line]
    wanted = ["_start_run", "_training_initiated", "_initial_model_loaded", "_training_started", "_end_run"]
    assert [event for event in events if event in wanted] == wanted
    assert events.count("_round_done") == 2 and events.count("_validation_result_received") == 6


def test_the_host_replays_it(
    recorded: tuple[CompletedRun, Path], tmp_path: Path, hub: Hub, object_store: ObjectStore
) -> None:
    run, trace = recorded
    package = "flip.nvflare.components"
    job = make_job(tmp_path / "job", components=package, filter_path=f"{package}.PercentilePrivacy")
    shutil.copytree(run.workspace, tmp_path / "workspace", symlinks=True)
    bucket = f"s3://{object_store.bucket}/prefix"
    env = {**os.environ, **hub.env, **object_store.env, "UPLOADED_FEDERATED_DATA_BUCKET": bucket}
    command = [str(PROGRAM), "run", str(job), "--trace", str(trace), "--workspace", str(tmp_path / "workspace")]
    done = subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert hub.statuses == ["INITIATED", "PREPARED", "TRAINING_STARTED", "RESULTS_UPLOADED"]
    [key] = object_store.keys()
    assert key.startswith(f"prefix/{MODEL_ID}/")
    for site in SITES:
        assert len(list((tmp_path / "workspace" / "outbox" / site).iterdir())) == 2
