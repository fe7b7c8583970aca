"""The job of the tests runs on NVFLARE's simulator, with NVFLARE's own filter and none of FLIP's components."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from job import SITES, make_job, run_job
from job.make import FILTER_ARGS

sys.path.append(str(Path(__file__).parent / "job" / "custom"))
import tiny_model

STEPS = 4


def filtered(update: tiny_model.Arrays) -> tiny_model.Arrays:
    """What NVFLARE's filter makes of an update."""
    per_step = {name: array / STEPS for name, array in update.items()}
    sizes = np.concatenate([np.abs(array).ravel() for array in per_step.values()])
    cutoff, gamma = np.percentile(sizes, FILTER_ARGS["percentile"]), FILTER_ARGS["gamma"]
    kept = {
        name: np.clip(np.where(np.abs(array) < cutoff, 0, array), -gamma, gamma) if array.ndim else array
        for name, array in per_step.items()
    }
    return {name: array * STEPS for name, array in kept.items()}


def test_the_baseline_runs(tmp_path: Path) -> None:
    run = run_job(make_job(tmp_path / "job"), tmp_path / "workspace", timeout=120)
    assert run.exit_code == 0, run.log
    weights = tiny_model.initial()
    for round_number in range(2):
        updates = [filtered(tiny_model.update(weights, site, round_number)) for site in SITES]
        weights = {
            name: array + np.mean([update[name] for update in updates], axis=0)
            for name, array in weights.items()
        }
    assert run.model is not None and run.model.keys() == weights.keys()
    for name, array in run.model.items():
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, weights[name], rtol=0, atol=1e-6)
    results = run.server / "cross_site_val" / "result_shareables"
    owners = ("SRV_server", *SITES)
    assert sorted(path.name for path in results.iterdir()) == sorted(f"{s}_{o}" for s in SITES for o in owners)
    assert (run.server / "app_server" / "model" / "FL_global_model.pt").is_file()
    assert all((run.site(site) / f"app_{site}").is_dir() for site in SITES)


def test_a_job_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    run = run_job(make_job(tmp_path / "job"), tmp_path / "workspace", timeout=3)
    assert (run.exit_code, run.model) == (-9, None)
