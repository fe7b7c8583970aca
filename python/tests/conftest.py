"""What several tests need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

WORKSPACE = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def guests() -> Path:
    """The folder of the guest programs of the workspace's tests."""
    return Path(os.environ.get("FLIP_WASM_GUESTS", WORKSPACE / "target/python/guests"))


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """What was recorded of the reference."""
    return WORKSPACE / "tests/fixtures"
