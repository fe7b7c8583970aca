"""The filter through NVFLARE's DXOFilter.process: our class beside NVFLARE's own, in one process."""

from __future__ import annotations

import json
import logging
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from nvflare.apis.dxo import DXO, DataKind
from nvflare.apis.fl_context import FLContext
from nvflare.app_common.filters.percentile_privacy import PercentilePrivacy as Reference

from flip_wasm.nvflare.components import PercentilePrivacy

ROUNDS = 5


def measured(call: Callable[[], object]) -> tuple[float, float]:
    """The wall and CPU time of a call, in seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def resident(key: str) -> int:
    """A figure of this process's memory, in bytes."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(key))


def reset_peak() -> None:
    """Lets the peak of resident memory begin here."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def peak_of(call: Callable[[], dict[str, np.ndarray]]) -> tuple[dict[str, np.ndarray], int]:
    """What a call returns, and by how many bytes the process grows meanwhile."""
    reset_peak()
    before = resident("VmRSS")
    result = call()
    return result, resident("VmHWM") - before


def main() -> None:
    """Prints the figures for cargo xtask bench; the number of elements is the one argument."""
    logging.disable(logging.CRITICAL)
    elements = int(sys.argv[1]) if len(sys.argv) > 1 else 25_600_000
    tensors = 64
    rng = np.random.default_rng(0)
    update = {f"layer{n}": rng.normal(0, 1e-3, elements // tensors).astype("f4") for n in range(tensors)}

    def process(privacy_filter: object) -> dict[str, np.ndarray]:
        shareable = DXO(DataKind.WEIGHT_DIFF, data=dict(update)).to_shareable()
        return privacy_filter.process(shareable, FLContext())["DXO"]["data"]  # type: ignore[attr-defined]

    ours, reference = PercentilePrivacy(95, 0.01), Reference(95, 0.01)
    # What is loaded once for all.
    small = DXO(DataKind.WEIGHT_DIFF, data={"a": np.ones(4, "f4")}).to_shareable()
    ours.process(small, FLContext())
    got, our_peak = peak_of(lambda: process(ours))
    expected, reference_peak = peak_of(lambda: process(reference))
    assert all(got[name].tobytes() == expected[name].tobytes() for name in update), "another result"
    del got, expected
    times: dict[str, list[tuple[float, float]]] = {"ours": [], "reference": []}
    for _ in range(ROUNDS):
        times["ours"].append(measured(lambda: process(ours)))
        times["reference"].append(measured(lambda: process(reference)))
    median = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in times.items()}
    peaks = {"ours": our_peak, "reference": reference_peak}
    print(json.dumps({n: {"wall": wall, "cpu": cpu, "memory": peaks[n]} for n, (wall, cpu) in median.items()}))


if __name__ == "__main__":
    main()
