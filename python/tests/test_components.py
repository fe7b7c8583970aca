"""The eleven classes as NVFLARE sees them: bases, attributes, filter chains, events."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from nvflare.apis.dxo import DXO, DataKind, from_shareable
from nvflare.apis.dxo_filter import DXOFilter
from nvflare.apis.executor import Executor
from nvflare.apis.fl_component import FLComponent
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.fl_context import FLContext
from nvflare.apis.filter import FilterChainType, FilterContextKey
from nvflare.apis.shareable import Shareable, make_reply
from nvflare.apis.signal import Signal
from nvflare.app_common.abstract.model_locator import ModelLocator
from nvflare.app_common.abstract.model_persistor import ModelPersistor
from nvflare.app_common.model_desc import ModelDescriptor

from flare import Engine, engine  # noqa: F401  # a fixture
from job import MODEL_ID

import flip_wasm
from flip_wasm.nvflare import components

UPDATE = np.array([0.01, -0.1, 0.2, -4.0], "f4")


class Flip:
    """A `flip` object that remembers."""

    def __init__(self, upload_fails: bool = False) -> None:
        self.statuses: list[str] = []
        self.uploads: list[tuple[Path, str]] = []
        self.upload_fails = upload_fails

    def update_status(self, model_id: str, status: Any) -> bool:
        assert model_id == MODEL_ID
        self.statuses.append(str(status))
        return True

    def upload_results_to_s3(self, folder: Path, model_id: str) -> None:
        if self.upload_fails:
            raise OSError("no line")
        self.uploads.append((folder, model_id))


def update(**meta: Any) -> Shareable:
    return DXO(DataKind.WEIGHT_DIFF, data={"a": UPDATE.copy()}, meta=meta).to_shareable()


def test_bases_are_nvflares() -> None:
    bases = {
        "PercentilePrivacy": DXOFilter, "StagePercentilePrivacy": components.PercentilePrivacy,
        "ValidationJsonGenerator": FLComponent, "EvaluationJsonGenerator": FLComponent,
        "ClientEventHandler": FLComponent, "ServerEventHandler": FLComponent, "PersistToS3AndCleanup": FLComponent,
        "PTModelLocator": ModelLocator, "InitialPTModelLocator": ModelLocator,
        "EvaluationPTModelLocator": ModelLocator, "CleanupImages": Executor,
    }  # fmt: skip
    assert set(bases) == set(components.__all__) and len(bases) == 11
    for name, base in bases.items():
        instance = getattr(components, name)()
        assert isinstance(instance, base)
        assert type(copy.deepcopy(instance)) is type(pickle.loads(pickle.dumps(instance))) is type(instance)


def test_a_filter_goes_by_its_attributes_as_they_are() -> None:
    privacy_filter = components.PercentilePrivacy(percentile=50, gamma=0.25)
    dxo = DXO(DataKind.WEIGHT_DIFF, data={"a": UPDATE.copy()})
    assert privacy_filter.process_dxo(dxo, Shareable(), FLContext()) is dxo
    assert dxo.data["a"].tolist() == pytest.approx([0, 0, 0.2, -0.25])
    privacy_filter.gamma = 1
    assert from_shareable(privacy_filter.process(update(), FLContext())).data["a"].min() == -1
    privacy_filter.off = True
    assert from_shareable(privacy_filter.process(update(), FLContext())).data["a"].tolist() == UPDATE.tolist()


@pytest.mark.parametrize(("attribute", "value"), [("gamma", 0), ("gamma", -1), ("percentile", 101), ("percentile", -1)])
def test_settings_that_make_no_sense_let_nothing_out(attribute: str, value: float) -> None:
    privacy_filter = components.PercentilePrivacy()
    setattr(privacy_filter, attribute, value)
    dxo = DXO(DataKind.WEIGHT_DIFF, data={"a": UPDATE.copy()})
    assert privacy_filter.process_dxo(dxo, Shareable(), FLContext()) is None
    reply = privacy_filter.process(update(), FLContext())
    assert reply.get_return_code() == ReturnCode.TASK_RESULT_FILTER_ERROR
    assert attribute in reply.get_header("exception") and "DXO" not in reply
    setattr(privacy_filter, attribute, 10)
    assert privacy_filter.process(update(), FLContext()).get_return_code() == ReturnCode.OK


def test_a_collection_is_held_back_as_a_whole_or_let_out_as_it_was(engine: Engine) -> None:
    def collection() -> Shareable:
        members = {
            "good": DXO(DataKind.WEIGHT_DIFF, data={"a": UPDATE.copy()}),
            "bad": DXO(DataKind.WEIGHT_DIFF, data={"a": UPDATE.copy()}, meta={"NUM_STEPS_CURRENT_ROUND": 0}),
        }
        return DXO(DataKind.COLLECTION, data=members).to_shareable()

    reply = components.PercentilePrivacy().process(collection(), engine.context())
    assert reply.get_return_code() == ReturnCode.TASK_RESULT_FILTER_ERROR and "DXO" not in reply
    policy = '[components.PercentilePrivacy]\non-filter-failure = "let-pass"\n'
    (engine.workspace.root / "local/policy.toml").write_text(policy)
    members = from_shareable(components.PercentilePrivacy().process(collection(), engine.context())).data
    assert [member.data["a"].tolist() for member in members.values()] == [UPDATE.tolist()] * 2


def test_what_is_no_weights_or_not_ok_passes_by() -> None:
    privacy_filter = components.PercentilePrivacy()
    metrics = DXO(DataKind.METRICS, data={"loss": 1.0}).to_shareable()
    assert from_shareable(privacy_filter.process(metrics, FLContext())).data == {"loss": 1.0}
    for other in [make_reply(ReturnCode.EXECUTION_EXCEPTION), Shareable({"x": 1})]:
        assert privacy_filter.process(other, FLContext()) is other


def test_data_of_a_task_that_cannot_be_filtered_is_an_error_of_the_task() -> None:
    privacy_filter = components.PercentilePrivacy(gamma=-1)
    privacy_filter.set_prop(FilterContextKey.CHAIN_TYPE, FilterChainType.TASK_DATA_CHAIN)
    with pytest.raises(flip_wasm.FilterRefused):
        privacy_filter.process(update(), FLContext())


def test_an_update_that_cannot_be_read_does_not_leave() -> None:
    dxo = DXO(DataKind.WEIGHT_DIFF, data={"a": UPDATE, "b": "no array"})
    reply = components.PercentilePrivacy().process(dxo.to_shareable(), FLContext())
    assert reply.get_return_code() == ReturnCode.TASK_RESULT_FILTER_ERROR
    assert "b: a numpy.ndarray is needed" in reply.get_header("exception")


def server(engine: Engine, flip: Flip) -> components.ServerEventHandler:
    class Persistor(ModelPersistor):
        def load_model(self, fl_ctx: FLContext) -> Any: ...
        def save_model(self, model: Any, fl_ctx: FLContext) -> None: ...
        def get_model_inventory(self, fl_ctx: FLContext) -> dict[str, ModelDescriptor]:
            location = str(engine.workspace.root / "job-1/app_server/model/FL_global_model.pt")
            return {"FL_global_model.pt": ModelDescriptor("FL_global_model.pt", location, "pt")}

    (engine.workspace.root / "job-1/app_server/model/FL_global_model.pt").write_text("weights")
    handler = components.ServerEventHandler(MODEL_ID, flip=flip)
    engine.components = {
        "json_generator": components.ValidationJsonGenerator(),
        "flip_server_event_handler": handler,
        "persist_and_cleanup": components.PersistToS3AndCleanup(MODEL_ID, flip=flip),
        "persistor": Persistor(),
    }
    return handler


def result(metrics: Any) -> dict[str, Any]:
    shareable = DXO(DataKind.METRICS, data=metrics).to_shareable()
    return {"_model_owner_": "server", "_data_client_": "site-1", "_validation_result_": shareable}


def test_a_run_through_its_events(engine: Engine) -> None:
    flip = Flip()
    handler = server(engine, flip)
    generator = engine.components["json_generator"]
    for event in ["_start_run", "_training_initiated", "_initial_model_loaded", "_training_started"]:
        engine.fire_event(event, engine.context())
    engine.fire_event("_validation_result_received", engine.context(**result({"acc": np.float32(0.5)})))
    assert generator._val_results == {"site-1": {"server": {"acc": 0.5}}}
    generator._val_results["site-2"] = {"server": {"acc": 1}}
    engine.fire_event("_end_run", engine.context())

    assert flip.statuses == ["INITIATED", "PREPARED", "TRAINING_STARTED", "RESULTS_UPLOADED"]
    assert (handler.final_status, handler.fatal_error) == ("RESULTS_UPLOADED", False)
    job = engine.workspace.root / "job-1"
    assert flip.uploads == [(job, MODEL_ID)] and (job / "FL_global_model.pt").read_text() == "weights"
    written = (job / "cross_site_val/cross_val_results.json").read_text()
    assert written == json.dumps({"site-1": {"server": {"acc": 0.5}}, "site-2": {"server": {"acc": 1}}})
    assert ["_results_upload_started", "_results_upload_completed"] == engine.events[-2:]
    persistor = engine.components["persist_and_cleanup"]
    assert persistor.model_inventory["FL_global_model.pt"].name == "FL_global_model.pt" and persistor.model_dir
    assert handler.validation_json_generator is generator and handler.persist_and_cleanup is persistor


def test_a_fatal_error_that_python_sets_is_the_end(engine: Engine) -> None:
    flip = Flip()
    handler = server(engine, flip)
    engine.fire_event("_start_run", engine.context())
    handler.fatal_error = True
    engine.fire_event("_end_run", engine.context())
    assert flip.statuses[-1] == "ERROR" and handler.final_status == "ERROR"


def test_an_aborted_run_is_stopped(engine: Engine) -> None:
    flip = Flip()
    handler = server(engine, flip)
    engine.fire_event("_aborted", engine.context())
    assert handler.final_status == "STOPPED"
    engine.fire_event("_end_run", engine.context())
    assert flip.statuses[-1] == "STOPPED"


def test_an_upload_that_fails_is_an_error_and_keeps_the_results(engine: Engine) -> None:
    flip = Flip(upload_fails=True)
    handler = server(engine, flip)
    engine.fire_event("_end_run", engine.context())
    assert (handler.final_status, flip.uploads) == ("ERROR", [])
    assert (engine.workspace.root / "job-1/FL_global_model.pt").read_text() == "weights"
    with pytest.raises(flip_wasm.FlipWasmError, match="no line"):
        engine.components["persist_and_cleanup"].execute(engine.context())


def test_the_two_parts_of_persisting_can_be_called_alone(engine: Engine) -> None:  # noqa: F811
    flip = Flip()
    server(engine, flip)
    persistor = engine.components["persist_and_cleanup"]
    saved = engine.workspace.root / "save" / MODEL_ID
    saved.mkdir(parents=True)
    persistor.upload_results_to_s3_bucket(engine.context())
    assert [folder for folder, _ in flip.uploads] == [engine.workspace.root / "job-1"] and saved.exists()
    persistor.cleanup(engine.context())
    assert not saved.exists() and len(flip.uploads) == 1
    assert engine.events == []


def test_a_missing_peer_is_a_system_panic(engine: Engine) -> None:
    flip = Flip()
    handler = server(engine, flip)
    engine.components["json_generator"] = FLComponent()
    engine.fire_event("_start_run", engine.context())
    assert "_fatal_system_error" in engine.events
    engine.fire_event("_end_run", engine.context())
    assert flip.statuses == ["ERROR"] and handler.final_status == "ERROR"


def test_a_peer_that_python_puts_in_is_used(engine: Engine) -> None:
    flip = Flip()
    handler = server(engine, flip)
    seen: list[str] = []
    handler.validation_json_generator = SimpleNamespace(handle_evaluation_events=lambda event, _: seen.append(event))
    engine.fire_event("_start_run", engine.context())
    assert seen == ["_start_run"]


def test_a_model_id_that_is_none_is_refused_and_found_elsewhere(engine: Engine) -> None:
    for component in (components.ServerEventHandler, components.PersistToS3AndCleanup):
        with pytest.raises(ValueError, match="The model ID: my-model is not a valid UUID"):
            component("my-model")
    flip = Flip()
    config = engine.workspace.root / "job-1/app_server/custom/config.json"
    config.write_text(json.dumps({"FLIP_MODEL_ID": MODEL_ID}))
    handler = server(engine, flip)
    handler.model_id = ""
    engine.fire_event("_training_started", engine.context())
    assert flip.statuses == ["TRAINING_STARTED"]


def test_an_evaluation_whose_tasks_all_failed(engine: Engine) -> None:
    flip = Flip()
    handler = server(engine, flip)
    generator = engine.components["json_generator"] = components.EvaluationJsonGenerator()
    failed = {**result({}), "_validation_result_": make_reply(ReturnCode.EXECUTION_EXCEPTION)}
    engine.fire_event("_validation_result_received", engine.context(**failed))
    assert generator._eval_failures == [
        {"model": "server", "client": "site-1", "return_code": "EXECUTION_EXCEPTION"}
    ]
    assert generator.all_tasks_failed()
    engine.fire_event("_end_run", engine.context())
    assert flip.statuses[-1] == "ERROR" and handler.final_status == "ERROR"
    folder = engine.workspace.root / "job-1/evaluation_results"
    assert (folder / "evaluation_results.json").read_text() == "{}"
    assert len(json.loads((folder / "evaluation_failures.json").read_text())) == 1


def test_images_are_cleaned_up(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = tmp_path / "images/net-1"
    images.mkdir(parents=True)
    (images / "scan").write_text("image")
    (tmp_path / "elsewhere").write_text("kept")
    (images / "link").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("IMAGES_DIR", str(tmp_path / "images"))
    monkeypatch.setenv("NET_ID", "net-1")
    cleanup = components.CleanupImages()
    for task, code in [("init_training", ReturnCode.OK), ("validate", ReturnCode.TASK_UNKNOWN)]:
        assert cleanup.execute(task, Shareable(), engine.context(), Signal()).get_return_code() == code
    assert list(images.iterdir()) == [] and (tmp_path / "elsewhere").read_text() == "kept"
    assert cleanup.execute("post_task", Shareable(), engine.context(), Signal()).get_return_code() == ReturnCode.OK
    assert not (engine.workspace.root / "job-1").exists()


def test_a_checkpoint_is_found_without_torch(engine: Engine, fixtures: Path) -> None:
    checkpoint = (fixtures.parent.parent / "components/checkpoint/tests/fixtures/torch1/nvflare.pt").read_bytes()
    app = engine.workspace.root / "job-1/app_server"
    (app / "model/FL_global_model.pt").write_bytes(checkpoint)
    (app / "FL_global_model.pt").write_bytes(checkpoint)
    for locator in (components.PTModelLocator(), components.InitialPTModelLocator(model=object())):
        assert locator.get_model_names(engine.context()) == ["server"]
        dxo = locator.locate_model("server", engine.context())
        assert dxo is not None and dxo.data_kind == DataKind.WEIGHTS and dxo.data
        assert all(isinstance(array, np.ndarray) or np.isscalar(array) for array in dxo.data.values())
        assert locator.locate_model("other", engine.context()) is None
    models = {"models": {"one": {"checkpoint": "one.pt", "path": "m.One"}}}
    (app / "custom/config.json").write_text(json.dumps(models))
    (app / "custom/one.pt").write_bytes(checkpoint)
    locator = components.EvaluationPTModelLocator()
    found = locator.locate_model(None, engine.context())
    assert found.data_kind == DataKind.COLLECTION and list(found.data) == ["one"] == list(locator.models)
    locator.models = {"mine": {"a": UPDATE}}
    assert locator.locate_model(None, engine.context()).data["mine"].data["a"] is UPDATE


def test_local_dev_deletes_and_tells_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_DEV", "true")
    flip = Flip()
    server(engine, flip)
    engine.fire_event("_training_started", engine.context())
    engine.fire_event("_end_run", engine.context())
    assert flip.uploads == []


def test_install_aliases_the_eleven() -> None:
    flip_wasm.install()
    from flip.nvflare.components import PercentilePrivacy
    from flip.nvflare.components.flip_server_event_handler import ServerEventHandler

    assert PercentilePrivacy is components.PercentilePrivacy
    assert ServerEventHandler is components.ServerEventHandler
