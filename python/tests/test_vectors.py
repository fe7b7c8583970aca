"""Every vector of the reference's filters, bit for bit, through NVFLARE's own DXOFilter.process."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nvflare.apis.dxo import DXO, DataKind, MetaKey, from_shareable
from nvflare.apis.fl_context import FLContext

from flip_wasm.nvflare import components


def array(entry: dict[str, Any]) -> Any:
    """An array, or a NumPy scalar, of the recorded bytes."""
    made = np.frombuffer(base64.b64decode(entry["b64"]), entry["dtype"]).reshape(entry["shape"])
    return made[()] if entry["kind"] == "scalar" else made


def cases() -> list[Any]:
    vectors = Path(__file__).parent.parent.parent / "tests/fixtures/filter_vectors.json"
    return [pytest.param(case, id=str(n)) for n, case in enumerate(json.loads(vectors.read_text())["cases"])]


@pytest.mark.parametrize("case", cases())
def test_a_vector(case: dict[str, Any]) -> None:
    given = {name: array(entry) for name, entry in case["input"].items()}
    meta = {MetaKey.NUM_STEPS_CURRENT_ROUND: case["num_steps"]}
    if case["stage"] is not None:
        meta["stage"] = case["stage"]
    dxo = DXO(DataKind.WEIGHT_DIFF, data=dict(given), meta=meta)
    privacy_filter = getattr(components, case["class"])(case["percentile"], case["gamma"])
    filtered = from_shareable(privacy_filter.process(dxo.to_shareable(), FLContext()))

    assert list(filtered.data) == list(case["output"])
    for name, entry in case["output"].items():
        got, expected = filtered.data[name], array(entry)
        assert (np.asarray(got).dtype, np.shape(got)) == (expected.dtype, expected.shape), name
        assert np.asarray(got).tobytes() == expected.tobytes(), name
        assert isinstance(got, np.generic) == (entry["kind"] == "scalar"), name
    for name, entry in case["input"].items():
        assert given[name].tobytes() == base64.b64decode(entry["b64"]), f"{name} was changed"
    assert filtered.get_filter_history() == [case["class"]]
