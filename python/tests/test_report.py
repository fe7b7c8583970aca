"""The page of a report: the same as that of `flip-wasm report`."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

import flip_wasm
from flip_wasm.__main__ import main

# The host's program, which makes the same page.
PROGRAM = Path(os.environ.get("FLIP_WASM", Path(__file__).parents[2] / "target/debug/flip-wasm"))


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    with flip_wasm.AuditTrail(path, job_id="<b>job</b>") as trail:
        component = flip_wasm.Runtime().load("percentile-privacy")
        instance = component.instantiate({"percentile": 50, "gamma": 0.25}, audit=trail, place="site-1")
        instance.filter(flip_wasm.DXO("WEIGHT_DIFF", {"a": np.array([0.01, -4.0], "float32")}))
    return path


def test_the_page_is_that_of_the_program(trail: Path, tmp_path: Path) -> None:
    page = flip_wasm.report_page(trail)
    assert page.startswith("<!DOCTYPE html>") and "PercentilePrivacy" in page and "<b>job" not in page
    of_program = tmp_path / "program.html"
    subprocess.run([str(PROGRAM), "report", str(trail), "-o", str(of_program)], check=True, timeout=60)
    assert page == of_program.read_text("utf-8")
    of_module = tmp_path / "module.html"
    assert main(["report", str(trail), "-o", str(of_module)]) == 0
    assert page == of_module.read_text("utf-8")


def test_the_page_of_a_report_in_json_is_that_of_the_program(tmp_path: Path) -> None:
    header = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    update = tmp_path / "update.safetensors"
    update.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<2f", 0.01, -4.0))
    report = tmp_path / "report.json"
    filtered = ["filter", "percentile-privacy", "--in", str(update), "--out", str(tmp_path / "out.safetensors")]
    subprocess.run([str(PROGRAM), *filtered, "--report", str(report)], check=True, timeout=60)
    page = flip_wasm.report_page(report)
    assert page.startswith("<!DOCTYPE html>") and "PercentilePrivacy" in page
    of_program = tmp_path / "program.html"
    subprocess.run([str(PROGRAM), "report", str(report), "-o", str(of_program)], check=True, timeout=60)
    assert page == of_program.read_text("utf-8")


def test_what_is_no_report_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("{}")
    with pytest.raises(flip_wasm.InvalidFile, match="no report of flip-wasm"):
        flip_wasm.report_page(tmp_path / "file")
    with pytest.raises(flip_wasm.FileFailed):
        flip_wasm.report_page(tmp_path / "missing")
    assert main(["report", str(tmp_path / "file"), "-o", str(tmp_path / "page.html")]) == 2
    assert "no report of flip-wasm" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()
