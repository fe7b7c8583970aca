"""A real job of two sites in NVFLARE's simulator, with every class of ours that it can carry."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from job import MODEL_ID, SITES, CompletedRun, make_job, run_job
from servers import Hub, ObjectStore, hub, object_store  # noqa: F401  # fixtures

COMPONENTS = "flip_wasm.nvflare.components"
FILTER = f"{COMPONENTS}.PercentilePrivacy"


@pytest.fixture
def environment(tmp_path: Path, hub: Hub, object_store: ObjectStore) -> dict[str, str]:  # noqa: F811
    """The variables that FLIP's environment files set."""
    images = tmp_path / "images" / "net-1"
    (images / "patient").mkdir(parents=True)
    (images / "patient" / "scan.nii").write_text("image")
    (tmp_path / "images" / "net-2").mkdir()
    (tmp_path / "images" / "net-2" / "keep").write_text("another net's")
    return {
        **hub.env,
        **object_store.env,
        "LOCAL_DEV": "false",
        "UPLOADED_FEDERATED_DATA_BUCKET": f"s3://{object_store.bucket}/p",
        "IMAGES_DIR": str(tmp_path / "images"),
        "NET_ID": "net-1",
    }


def same(one: CompletedRun, other: CompletedRun) -> bool:
    """Whether two runs end with the same model, bit for bit."""
    assert one.model is not None and other.model is not None
    assert one.model.keys() == other.model.keys()
    return all(array.tobytes() == other.model[name].tobytes() for name, array in one.model.items())


def test_a_job_ends_as_it_should(
    tmp_path: Path,
    hub: Hub,  # noqa: F811
    object_store: ObjectStore,  # noqa: F811
    environment: dict[str, str],
) -> None:
    job = make_job(tmp_path / "job", components=COMPONENTS, filter_path=FILTER)
    run = run_job(job, tmp_path / "workspace", environment)
    assert run.exit_code == 0, run.log
    assert hub.statuses == ["INITIATED", "PREPARED", "TRAINING_STARTED", "RESULTS_UPLOADED"], run.log
    assert all(request.path.startswith(f"/model/{MODEL_ID}/") and request.key for request in hub.requests)

    (key,) = object_store.keys()
    assert key.startswith(f"p/{MODEL_ID}/") and key.endswith(".zip")
    archive = zipfile.ZipFile(io.BytesIO(object_store.read(key)))
    assert archive.testzip() is None
    names = archive.namelist()
    assert "FL_global_model.pt" in names and "cross_site_val/cross_val_results.json" in names, names
    assert not [name for name in names if name.startswith(("app_server/", "cross_site_val/model_shareables/"))]

    results = archive.read("cross_site_val/cross_val_results.json").decode()
    assert (run.server / "cross_site_val" / "cross_val_results.json").read_text() == results
    assert json.dumps(json.loads(results)) == results
    owners = {"SRV_server", *SITES}
    assert {site: set(models) for site, models in json.loads(results).items()} == dict.fromkeys(SITES, owners)

    assert not (run.server / "app_server").exists()
    for folder in ("save", "transfer"):
        left = list((run.server.parent / folder).rglob("*"))
        assert [path.name for path in left if path.is_file()] == ["keep"], left
    images = tmp_path / "images"
    assert list((images / "net-1").iterdir()) == []
    assert (images / "net-2" / "keep").read_text() == "another net's"

    reference = run_job(make_job(tmp_path / "reference"), tmp_path / "other")
    assert same(run, reference), "NVFLARE's own filter makes another model"


def test_a_job_whose_upload_fails_says_so_and_keeps_its_results(
    tmp_path: Path,
    hub: Hub,  # noqa: F811
    environment: dict[str, str],
) -> None:
    job = make_job(tmp_path / "job", components=COMPONENTS, filter_path=FILTER, rounds=1)
    environment["UPLOADED_FEDERATED_DATA_BUCKET"] = "s3://no-such-bucket/p"
    run = run_job(job, tmp_path / "workspace", environment)
    assert hub.statuses[-1] == "ERROR", run.log
    assert (run.server / "FL_global_model.pt").is_file() and (run.server / "cross_site_val").is_dir()
    assert not (run.server.parent / "save" / MODEL_ID).exists()


def test_an_update_that_the_filter_refuses_does_not_leave(
    tmp_path: Path,
    environment: dict[str, str],
) -> None:
    args = {"percentile": 10, "gamma": -1}
    job = make_job(
        tmp_path / "job", components=COMPONENTS, filter_path=FILTER, filter_args=args, rounds=1
    )
    run = run_job(job, tmp_path / "workspace", environment)
    assert "refused: gamma" in run.log and "TASK_RESULT_FILTER_ERROR" in run.log, run.log
    # The server has aggregated nothing: a model is saved only once it has.
    assert run.model is None
