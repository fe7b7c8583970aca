"""The job of the tests with FLIP's own classes, and with ours: it ends the same."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("flip.nvflare.components")

sys.path.insert(0, str(Path(__file__).parent.parent))

from job import make_job, run_job  # noqa: E402
from servers import Hub, ObjectStore, hub, object_store  # noqa: E402, F401  # fixtures

STATUSES = {"RUNNING": "TRAINING_STARTED"}
"""Newer versions of FLIP call it otherwise."""


def end(package: str, folder: Path, hub: Hub, object_store: ObjectStore) -> dict[str, Any]:  # noqa: F811
    """Runs the job with the components of a package, and says how everything is then."""
    images = folder / "images/net-1"
    images.mkdir(parents=True)
    (images / "scan.nii").write_text("image")
    environment = {
        **hub.env, **object_store.env, "LOCAL_DEV": "false", "IMAGES_DIR": str(images.parent), "NET_ID": "net-1",
        "UPLOADED_FEDERATED_DATA_BUCKET": f"s3://{object_store.bucket}/{package}",
    }  # fmt: skip
    job = make_job(
        folder / "job", components=package, filter_path=f"{package}.PercentilePrivacy",
        persistor_path="pt_persistor.NumpyAsPT", extra_custom=[Path(__file__).parent / "pt_persistor.py"],
    )  # fmt: skip
    before = len(hub.statuses)
    run = run_job(job, folder / "workspace", environment, timeout=300)
    assert run.exit_code == 0, run.log
    (key,) = [key for key in object_store.keys() if key.startswith(f"{package}/")]
    archive = zipfile.ZipFile(io.BytesIO(object_store.read(key)))
    results = {name: archive.read(name) for name in archive.namelist() if name.startswith("cross_site_val/")}
    left = [path for folder in ("save", "transfer") for path in (run.server.parent / folder).rglob("*")]
    assert run.model is not None
    return {
        "statuses": [STATUSES.get(status, status) for status in hub.statuses[before:]],
        "model": {name: array.tobytes() for name, array in run.model.items()},
        "validation": json.loads(results["cross_site_val/cross_val_results.json"]),
        "archive": sorted(name for name in archive.namelist() if not name.endswith((".txt", ".log", ".json", "/"))),
        "images": list(images.iterdir()),
        "app": (run.server / "app_server").exists(),
        "left": sorted(path.name for path in left if path.is_file()),
    }


def test_the_job_ends_the_same_with_either_set_of_classes(
    tmp_path: Path, hub: Hub, object_store: ObjectStore  # noqa: F811
) -> None:
    packages = ["flip.nvflare.components", "flip_wasm.nvflare.components"]
    reference, ours = (end(package, tmp_path / package, hub, object_store) for package in packages)
    for aspect, value in reference.items():
        assert ours[aspect] == value, aspect
