"""Class by class beside FLIP's own package. It needs torch, and runs by hand: cargo xtask test --with-reference."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
reference = pytest.importorskip("flip.nvflare.components")

sys.path.insert(0, str(Path(__file__).parent.parent))

from flare import Engine, Workspace  # noqa: E402
from flip.constants import FlipConstants  # noqa: E402
from job import MODEL_ID  # noqa: E402
from nvflare.apis.dxo import DXO, DataKind, MetaKey, from_shareable  # noqa: E402
from nvflare.apis.fl_constant import ReturnCode  # noqa: E402
from nvflare.apis.fl_context import FLContext  # noqa: E402
from nvflare.apis.shareable import Shareable, make_reply  # noqa: E402
from nvflare.apis.signal import Signal  # noqa: E402
from nvflare.app_common.model_desc import ModelDescriptor  # noqa: E402
from nvflare.app_opt.pt.file_model_persistor import PTFileModelPersistor  # noqa: E402

from flip_wasm.nvflare import components as ours  # noqa: E402


@pytest.fixture(autouse=True)
def production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The settings of a site, as FLIP's package has them."""
    settings = {"LOCAL_DEV": "false", "IMAGES_DIR": str(tmp_path / "images"), "NET_ID": "net-1"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    import flip.constants.flip_constants as module

    monkeypatch.setattr(module, "_flip_constants_instance", None)
    assert FlipConstants.LOCAL_DEV is False
    yield


def random_update(rng: np.random.Generator) -> dict[str, np.ndarray]:
    names = ["encoder.a", "encoder.b", "decoder.a", "head.bias", "other"]
    dtypes = ["f2", "f4", "f8", "i4", "i8"]
    update = {}
    for name in names[: rng.integers(1, 6)]:
        shape = tuple(rng.integers(1, 7, rng.integers(0, 4)))
        update[name] = np.asarray(rng.normal(0, 50, shape)).astype(rng.choice(dtypes))
    return update


@pytest.mark.parametrize("seed", range(200))
@pytest.mark.parametrize("name", ["PercentilePrivacy", "StagePercentilePrivacy"])
def test_filters_of_random_updates(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    update = random_update(rng)
    meta = {MetaKey.NUM_STEPS_CURRENT_ROUND: int(rng.integers(1, 9)), "stage": [["encoder"], ["decoder", "head"]]}
    percentile, gamma = float(rng.integers(0, 101)), float(rng.uniform(0.01, 40))
    outputs = []
    for package in (reference, ours):
        shareable = DXO(DataKind.WEIGHT_DIFF, {k: v.copy() for k, v in update.items()}, dict(meta)).to_shareable()
        made = getattr(package, name)(percentile, gamma)
        outputs.append(from_shareable(made.process(shareable, FLContext())))
    one, other = outputs
    assert list(one.data) == list(other.data) and one.meta == other.meta
    for key, value in one.data.items():
        assert (np.asarray(value).dtype, np.shape(value)) == (np.asarray(other.data[key]).dtype, np.shape(other.data[key]))
        assert np.asarray(value).tobytes() == np.asarray(other.data[key]).tobytes(), key


def results() -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(5)
    for owner in ("server", "site-1"):
        for client in ("site-1", "site-2", "é"):
            metrics = {"acc": float(rng.normal()), "n": int(rng.integers(99)), "deep": {"auc": [1.5, None, "ü"]}}
            shareable = DXO(DataKind.METRICS, data=metrics).to_shareable()
            yield {"_model_owner_": owner, "_data_client_": client, "_validation_result_": shareable}


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("name", ["ValidationJsonGenerator", "EvaluationJsonGenerator"])
def test_generators_write_the_same_bytes(name: str, tmp_path: Path) -> None:
    written = []
    for package in (reference, ours):
        engine = Engine(Workspace(tmp_path / package.__name__))
        generator = getattr(package, name)()
        generator.handle_evaluation_events("_start_run", engine.context())
        for result in results():
            generator.handle_evaluation_events("_validation_result_received", engine.context(**result))
        failed = {"_model_owner_": "m", "_data_client_": "c"}
        if name == "EvaluationJsonGenerator":
            failed["_validation_result_"] = make_reply(ReturnCode.EXECUTION_EXCEPTION)
        generator.handle_evaluation_events("_validation_result_received", engine.context(**failed))
        generator.handle_evaluation_events("_end_run", engine.context())
        written.append(files(engine.workspace.root / "job-1"))
    assert written[0] == written[1] and any(name.endswith("results.json") for name in written[0])


class Flip:
    """A `flip` object that remembers what it was called with."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.uploads: list[Any] = []

    def update_status(self, model_id: str, status: Any) -> bool:
        self.statuses.append(getattr(status, "name", str(status)))
        return True

    def send_event(self, **event: Any) -> None: ...

    def upload_results_to_s3(self, folder: Path, model_id: str) -> None:
        self.uploads.append((str(folder), model_id, files(Path(folder))))

    def cleanup(self, path: Path) -> None:
        shutil.rmtree(path)


class Persistor(PTFileModelPersistor):
    """NVFLARE's, without a model."""

    def __init__(self, location: str) -> None:
        self.location = location

    def get_model_inventory(self, fl_ctx: FLContext) -> dict[str, ModelDescriptor]:
        return {"FL_global_model.pt": ModelDescriptor("FL_global_model.pt", self.location, "pt")}

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None: ...


STATUSES = {"RUNNING": "TRAINING_STARTED"}
"""Newer versions of FLIP call it otherwise."""


@pytest.mark.parametrize("ending", [[], ["_aborted"], ["_fatal_system_error"]])
def test_a_run_ends_the_same(ending: list[str], tmp_path: Path) -> None:
    ends = []
    for package in (reference, ours):
        root, flip = tmp_path / "site", Flip()
        engine = Engine(Workspace(root))
        app = root / "job-1/app_server"
        (app / "model/FL_global_model.pt").write_text("weights")
        (app / "custom/trainer.py").write_text("# trainer")
        (root / "job-1/cross_site_val/model_shareables").mkdir(parents=True)
        for folder in ("save", "transfer"):
            for name in (MODEL_ID, "other"):
                (root / folder / name).mkdir(parents=True, exist_ok=True)
                (root / folder / name / "file").write_text("x")
        engine.components = {
            "json_generator": package.ValidationJsonGenerator(),
            "handler": package.ServerEventHandler(MODEL_ID, flip=flip),
            "persist_and_cleanup": package.PersistToS3AndCleanup(MODEL_ID, flip=flip),
            "persistor": Persistor(str(app / "model/FL_global_model.pt")),
        }
        for event in ["_start_run", "_training_initiated", "_initial_model_loaded", "_training_started"]:
            engine.fire_event(event, engine.context())
        for result in results():
            engine.fire_event("_validation_result_received", engine.context(**result))
        for event in [*ending, "_end_run"]:
            engine.fire_event(event, engine.context())
        handler = engine.components["handler"]
        statuses = [STATUSES.get(status, status) for status in flip.statuses]
        ends.append((statuses, str(handler.final_status), handler.fatal_error, flip.uploads, files(root)))
        shutil.rmtree(root)
    assert ends[0] == ends[1]


def test_images_are_cleaned_up_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for task in ("init_training", "post_validation", "init_task", "post_task", "train"):
        left = []
        for package in (reference, ours):
            root = tmp_path / "work"
            engine = Engine(Workspace(root, "app_site-1"))
            (root / "job-1/file").write_text("x")
            (root / "other").write_text("x")
            images = tmp_path / "images/net-1/patient"
            images.mkdir(parents=True, exist_ok=True)
            (images / "scan").write_text("x")
            monkeypatch.chdir(root)
            reply = package.CleanupImages().execute(task, Shareable(), engine.context(), Signal())
            left.append((reply.get_return_code(), files(root), files(tmp_path / "images")))
            shutil.rmtree(root)
        assert left[0] == left[1], task


def test_checkpoints_are_the_same(tmp_path: Path) -> None:
    folder = Path(__file__).parents[3] / "components/checkpoint/tests/fixtures/torch1"
    for name in ("nvflare.pt", "state_dict.pt", "noncontig.pt", "tied.pt"):
        engine = Engine(Workspace(tmp_path / name))
        shutil.copy(folder / name, tmp_path / name / "job-1/app_server/model/FL_global_model.pt")
        found = [
            package.PTModelLocator(model={"path": "m"}).locate_model("server", engine.context())
            for package in (reference, ours)
        ]
        assert found[0] is not None and found[1] is not None, name
        assert list(found[0].data) == list(found[1].data)
        for key, value in found[0].data.items():
            assert np.asarray(value).tobytes() == np.asarray(found[1].data[key]).tobytes(), key


