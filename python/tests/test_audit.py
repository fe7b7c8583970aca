"""Audit trails of programs, and of jobs in NVFLARE."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import flip_wasm

ARGS = {"percentile": 50, "gamma": 0.25}


@pytest.fixture(scope="module")
def runtime() -> flip_wasm.Runtime:
    return flip_wasm.Runtime()


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def update() -> flip_wasm.DXO:
    return flip_wasm.DXO("WEIGHT_DIFF", {"a": np.array([0.01, -0.1, 0.2, -4.0], "float32")})


def test_what_came_in_and_went_out_stands_in_the_trail(tmp_path, runtime):
    path = tmp_path / "audit.jsonl"
    with flip_wasm.AuditTrail(path, job_id="job-1") as trail:
        component = runtime.load("percentile-privacy")
        instance = component.instantiate(ARGS, audit=trail, place="site-1")
        instance.filter(update())
        refusing = component.instantiate({"percentile": 500, "gamma": 1}, audit=trail, place="site-1")
        with pytest.raises(flip_wasm.FilterRefused):
            refusing.filter(update())
    found = lines(path)
    assert [line["entry"] for line in found] == ["start", "component", "in", "out", "component", "in", "out", "end"]
    assert (found[0]["run"], found[0]["job-id"]) == ("program", "job-1")
    assert found[1]["sha256"] == component.sha256
    assert found[2]["sha256"] != found[3]["sha256"]
    assert found[2]["sha256"] == found[5]["sha256"]
    assert found[6]["refused"] == "refused"


def test_tasks_and_events_were_in_no_trail(tmp_path, runtime, guests):
    path = tmp_path / "audit.jsonl"
    with flip_wasm.AuditTrail(path) as trail:
        errand = runtime.load(guests / "errand.wasm")
        instance = errand.instantiate({"on": {"train": [{"say": "a"}], "go": [{"say": "b"}]}}, audit=trail)
        instance.execute("train", flip_wasm.Shareable(headers={"who": "me"}, dxo=update()))
        instance.handle_event("go", flip_wasm.Context(props={"round": 3}))
        with pytest.raises(flip_wasm.MissingRole):
            instance.locate_model(context=flip_wasm.Context(shareables={"data": flip_wasm.Shareable(dxo=update())}))
    found = lines(path)
    assert [line["entry"] for line in found] == ["start", "component", "in", "out", "in", "in", "out", "end"]
    came, went, event, carried, missing = found[2:7]
    assert (carried["task"], carried["sha256"], missing["refused"]) == ("locate-model", came["sha256"], "invalid-input")
    assert (came["task"], came["tensors"], event["task"], event["kind"]) == ("train", 1, "go", None)
    assert came["sha256"] is not None and came["text-sha256"] not in (None, event["text-sha256"])
    assert len(event["text-sha256"]) == 64 and went["task"] == "train"


def test_nothing_runs_once_the_trail_has_ended(tmp_path, runtime):
    trail = flip_wasm.AuditTrail(tmp_path / "audit.jsonl")
    instance = runtime.load("percentile-privacy").instantiate(ARGS, audit=trail)
    assert len(trail.finish()) == 64
    with pytest.raises(flip_wasm.AuditFailed):
        instance.filter(update())
    with pytest.raises(flip_wasm.AuditFailed):
        trail.finish()


def test_a_trail_is_never_overwritten(tmp_path):
    path = tmp_path / "audit.jsonl"
    path.write_text("mine")
    with pytest.raises(flip_wasm.FlipWasmError, match="never overwritten"):
        flip_wasm.AuditTrail(path)
    assert path.read_text() == "mine"


def test_a_process_of_nvflare_leaves_a_trail_that_is_whole(tmp_path):
    folder = tmp_path / "trails"
    folder.mkdir()
    program = """
        import numpy as np
        from nvflare.apis.dxo import DXO, DataKind
        from nvflare.apis.fl_constant import ReservedKey
        from nvflare.apis.fl_context import FLContext
        from flip_wasm.nvflare.components import PercentilePrivacy

        context = FLContext()
        context.set_prop(ReservedKey.RUN_NUM, "job/1", private=False, sticky=True)
        context.set_prop(ReservedKey.IDENTITY_NAME, "site-1", private=False, sticky=True)
        dxo = DXO(DataKind.WEIGHT_DIFF, {"a": np.array([0.5, 2.0], "float32")})
        PercentilePrivacy(percentile=50, gamma=1).process(dxo.to_shareable(), context)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    environment = {"FLIP_WASM_AUDIT": str(folder), "PATH": ""}
    subprocess.run(command, check=True, env=environment, capture_output=True, cwd=tmp_path)
    (path,) = folder.iterdir()
    assert path.name.startswith("job_1-site_1-")
    found = lines(path)
    assert [line["entry"] for line in found] == ["start", "component", "in", "out", "end"]
    assert found[-1]["entries"] == 5
