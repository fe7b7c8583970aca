"""Arrays go in as they lie in memory, and come out in memory of their own."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import flip_wasm

DXO = flip_wasm.DXO


@pytest.fixture(scope="module")
def runtime() -> flip_wasm.Runtime:
    return flip_wasm.Runtime()


@pytest.fixture
def privacy_filter(runtime: flip_wasm.Runtime) -> flip_wasm.Instance:
    return runtime.load("percentile-privacy").instantiate({"percentile": 50, "gamma": 100})


def resident(figure: str) -> int:
    """A figure of this process's memory, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(figure))


def filtered(instance: flip_wasm.Instance, array: object) -> np.ndarray:
    return instance.filter(DXO("WEIGHT_DIFF", {"a": array})).dxo.data["a"]


RANDOM = np.random.default_rng(1).normal(size=(7, 40, 33))

VIEWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "transposed": lambda a: a.T,
    "every second": lambda a: a[:, ::2],
    "backwards": lambda a: a[::-1, :, ::-3],
    "broadcast": lambda a: np.broadcast_to(a[0], (5, *a[0].shape)),
    "inner part": lambda a: a[2:5, 3:20, 1:],
    "one column": lambda a: a[:, :, 4],
    "swapped": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "column-major": np.asfortranarray,
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i2"])
def test_arrays_of_any_layout_are_filtered_as_their_elements(
    privacy_filter: flip_wasm.Instance, view: str, dtype: str
) -> None:
    array = VIEWS[view]((RANDOM * 100).astype(dtype))
    before = array.copy()
    result = filtered(privacy_filter, array)
    expected = filtered(privacy_filter, np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))))
    assert np.count_nonzero(result == 0) > 0.4 * result.size
    assert result.tobytes() == expected.tobytes() and result.shape == array.shape
    assert (array == before).all()


def test_an_array_of_many_windows_that_is_not_contiguous(privacy_filter: flip_wasm.Instance) -> None:
    array = np.random.default_rng(2).normal(size=(1_000, 1_001)).astype("f4").T[::-1]
    expected = filtered(privacy_filter, np.ascontiguousarray(array))
    assert filtered(privacy_filter, array).tobytes() == expected.tobytes()


def test_an_array_that_is_read_only(privacy_filter: flip_wasm.Instance) -> None:
    array = np.frombuffer(np.arange(8, dtype="f4").tobytes(), "f4")
    assert not array.flags.writeable
    result = filtered(privacy_filter, array)
    assert result.flags.writeable and result.flags.aligned
    result[:] = 1
    assert (array == np.arange(8)).all()


@pytest.mark.parametrize("shape", [(0,), (3, 0, 2)])
def test_an_empty_array(privacy_filter: flip_wasm.Instance, shape: tuple[int, ...]) -> None:
    data = {"none": np.zeros(shape, "f4"), "some": np.ones(3, "f4")}
    result = privacy_filter.filter(DXO("WEIGHT_DIFF", data)).dxo.data
    assert result["none"].shape == shape


def test_bfloat16_comes_out_as_float32(privacy_filter: flip_wasm.Instance) -> None:
    array = np.array([1, -2, 3, 4], ml_dtypes.bfloat16)
    result = filtered(privacy_filter, array)
    assert result.dtype == np.float32 and result.tolist() == [0, 0, 3, 4]


def test_what_is_no_array_is_named(privacy_filter: flip_wasm.Instance) -> None:
    for value, text in [
        ([1.0], "a: a numpy.ndarray is needed, not list"),
        (1.0, "a: a numpy.ndarray is needed, not float"),
        (np.array([1j]), "a: arrays of dtype complex128"),
        (np.array(["x"]), "a: arrays of dtype <U1"),
        (np.array([object()]), "a: arrays of dtype object"),
    ]:
        with pytest.raises(TypeError, match=text):
            filtered(privacy_filter, value)


def test_an_object_that_looks_like_an_array_is_not_trusted(privacy_filter: flip_wasm.Instance) -> None:
    class Liar(np.ndarray):
        @property
        def __array_interface__(self) -> dict[str, object]:
            return {"version": 3, "typestr": "<f4", "shape": (1 << 40,), "data": (8, False), "strides": None}

    array = np.arange(4, dtype="f4").view(Liar)
    assert filtered(privacy_filter, array).tolist() == [0, 0, 2, 3]


def test_an_array_outlives_its_name_and_is_given_back(privacy_filter: flip_wasm.Instance) -> None:
    result = filtered(privacy_filter, np.full(1_000, 3, "f4") + np.arange(1_000, dtype="f4"))
    gc.collect()
    assert result[-1] == 100


def test_what_the_component_left_is_the_very_object(runtime: flip_wasm.Runtime) -> None:
    off = runtime.load("percentile-privacy").instantiate({"off": True})
    array, metrics = np.arange(4, dtype="f4"), {"loss": 1.0}
    assert filtered(off, array) is array
    assert off.filter(DXO("METRICS", metrics)).dxo.data is metrics


def test_meta_that_components_cannot_see_stays(privacy_filter: flip_wasm.Instance) -> None:
    hidden = object()
    meta = {"first": 1, "hidden": hidden, "NUM_STEPS_CURRENT_ROUND": np.int64(2), 7: "number"}
    result = privacy_filter.filter(DXO("WEIGHT_DIFF", {"a": np.ones(3, "f4")}, meta)).dxo.meta
    assert result["hidden"] is hidden and result[7] == "number" and result["filter_history"] == ["PercentilePrivacy"]
    assert list(result)[:3] == ["first", "hidden", "NUM_STEPS_CURRENT_ROUND"]


def test_a_large_update_takes_no_more_memory_than_its_result(privacy_filter: flip_wasm.Instance) -> None:
    array = np.random.default_rng(3).normal(size=24 << 20).astype("f4")
    filtered(privacy_filter, np.ones(1 << 20, "f4"))
    gc.collect()
    # The peak begins here, whatever other tests have taken.
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    result = filtered(privacy_filter, array)
    grown = resident("VmHWM") - before
    assert grown <= result.nbytes + (64 << 20), f"{grown >> 20} MiB for a result of {result.nbytes >> 20} MiB"
