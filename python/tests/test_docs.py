"""The examples of the pages run as they stand there."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import flip_wasm

ROOT = Path(__file__).parent.parent.parent
PAGES = ["docs/src/embedding.md", "docs/src/nvflare.md", "python/README.md"]


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    assert isinstance(names["filtered"], flip_wasm.Filtered)


def test_the_policies_of_a_page_are_policies(tmp_path: Path) -> None:
    text = (ROOT / "docs/src/nvflare.md").read_text()
    for block in re.findall(r"^```toml\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        (tmp_path / "policy.toml").write_text(block)
        flip_wasm.Runtime(policy=tmp_path / "policy.toml")


def test_the_packages_own_example() -> None:
    failed, tried = doctest.testmod(flip_wasm)
    assert (failed, tried > 3) == (0, True)
