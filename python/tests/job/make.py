"""Writes the job's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MODEL_ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
SITES = ("site-1", "site-2")
NVFLARE_FILTER = "nvflare.app_common.filters.percentile_privacy.PercentilePrivacy"
FILTER_ARGS = {"percentile": 95, "gamma": 0.05}

_CUSTOM = Path(__file__).parent / "custom"


def make_job(
    folder: Path,
    *,
    filter_path: str | None = NVFLARE_FILTER,
    filter_args: Mapping[str, Any] | None = None,
    components: str | None = None,
    model_id: str = MODEL_ID,
    rounds: int = 2,
    extra_filters: Sequence[Mapping[str, Any]] = (),
    server_components: Sequence[Mapping[str, Any]] = (),
    client_components: Sequence[Mapping[str, Any]] = (),
    trace_folder: Path | None = None,
    recorder_path: str = "flip_wasm.nvflare.recorder.TraceRecorder",
    extra_custom: Sequence[Path] = (),
    persistor_path: str = "tiny_server.NumpyPersistor",
) -> Path:
    """Writes the job to `folder`, which must not exist, and returns it.

    Args:
        folder: the job's folder.
        filter_path: the class of the sites' filter of `train` results; none where it is None.
        filter_args: its arguments; `FILTER_ARGS` where they are None.
        components: the module of FLIP's components; None for the baseline, which has none of them.
        model_id: the model's id, a UUID.
        rounds: how many rounds are trained.
        extra_filters: filters of `train` results behind the first one, each with `path` and `args`.
        server_components: more components of the server, each with `id`, `path` and `args`.
        client_components: more components of the sites.
        trace_folder: where the run is recorded; it is not where this is None.
        recorder_path: the class of the recorder.
        persistor_path: the class of the server's persistor.
        extra_custom: files and folders that are copied to the app's `custom/`.
    """
    filters: list[dict[str, Any]] = []
    server, client = [dict(c) for c in server_components], [dict(c) for c in client_components]
    recorder = {"path": recorder_path, "args": {"folder": str(trace_folder and trace_folder.absolute())}}
    if trace_folder is not None:
        filters.append(recorder)
    if filter_path is not None:
        args = dict(FILTER_ARGS if filter_args is None else filter_args)
        filters.append({"path": filter_path, "args": args})
    filters.extend(dict(entry) for entry in extra_filters)
    if components is not None:
        server = _flip_server(components, model_id) + server
        client = [{"id": "client_event_handler", "path": f"{components}.ClientEventHandler", "args": {}}] + client
    if trace_folder is not None:
        # First, so that an event is recorded before what other components make of it.
        server = [{"id": "recorder", **recorder}, *server]
        client = [{"id": "recorder", **recorder}, *client]
    cleanup = "tiny_client.Accept" if components is None else f"{components}.CleanupImages"

    config = folder / "app" / "config"
    config.mkdir(parents=True)
    shutil.copytree(_CUSTOM, folder / "app" / "custom", ignore=shutil.ignore_patterns("__pycache__"))
    for extra in extra_custom:
        target = folder / "app" / "custom" / extra.name
        shutil.copytree(extra, target) if extra.is_dir() else shutil.copyfile(extra, target)
    meta = {
        "name": model_id,
        "resource_spec": {},
        "deploy_map": {"app": ["server", *SITES]},
        "min_clients": len(SITES),
        "mandatory_clients": list(SITES),
    }
    _write(folder / "meta.json", meta)
    _write(config / "config_fed_server.json", _server(server, rounds, "" if components is None else model_id, persistor_path))
    _write(config / "config_fed_client.json", _client(client, filters, cleanup))
    # Tells FLIP's components that the persistor writes to `model/`.
    _write(config / "environment.json", {"APP_CKPT_DIR": "model"})
    return folder


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _flip_server(components: str, model_id: str) -> list[dict[str, Any]]:
    return [
        {"id": "json_generator", "path": f"{components}.ValidationJsonGenerator", "args": {}},
        {
            "id": "flip_server_event_handler",
            "path": f"{components}.ServerEventHandler",
            "args": {"model_id": model_id},
        },
        {
            "id": "persist_and_cleanup",
            "path": f"{components}.PersistToS3AndCleanup",
            "args": {"model_id": model_id, "persistor_id": "persistor"},
        },
    ]


def _server(components: list[dict[str, Any]], rounds: int, stale: str, persistor: str) -> dict[str, Any]:
    own = [
        {"id": "persistor", "path": persistor, "args": {"stale": stale}},
        {
            "id": "shareable_generator",
            "path": "nvflare.app_common.shareablegenerators.full_model_shareable_generator"
            ".FullModelShareableGenerator",
            "args": {},
        },
        {
            "id": "aggregator",
            "path": "nvflare.app_common.aggregators.intime_accumulate_model_aggregator"
            ".InTimeAccumulateWeightedAggregator",
            "args": {"expected_data_kind": "WEIGHT_DIFF"},
        },
        {"id": "model_locator", "path": "tiny_server.NumpyLocator", "args": {}},
    ]
    training = {
        "min_clients": len(SITES),
        "num_rounds": rounds,
        "start_round": 0,
        "wait_time_after_min_received": 0,
        "aggregator_id": "aggregator",
        "persistor_id": "persistor",
        "shareable_generator_id": "shareable_generator",
        "train_task_name": "train",
        "train_timeout": 0,
        "ignore_result_error": False,
        "task_check_period": 0.1,
    }
    validation = {
        "model_locator_id": "model_locator",
        "participating_clients": list(SITES),
        "submit_model_timeout": 60,
        "validation_timeout": 60,
        "task_check_period": 0.1,
    }
    return {
        "format_version": 2,
        "server": {"heart_beat_timeout": 600},
        "task_data_filters": [],
        "task_result_filters": [],
        "components": own + components,
        "workflows": [
            {
                "id": "init_training",
                "path": "tiny_server.Broadcast",
                "args": {"task_name": "init_training", "event": "_training_initiated"},
            },
            {
                "id": "scatter_and_gather",
                "path": "nvflare.app_common.workflows.scatter_and_gather.ScatterAndGather",
                "args": training,
            },
            {
                "id": "cross_site_validate",
                "path": "nvflare.app_common.workflows.cross_site_model_eval.CrossSiteModelEval",
                "args": validation,
            },
            {"id": "post_validation", "path": "tiny_server.Broadcast", "args": {"task_name": "post_validation"}},
        ],
    }


def _client(components: list[dict[str, Any]], filters: list[dict[str, Any]], cleanup: str) -> dict[str, Any]:
    def executor(path: str, *tasks: str) -> dict[str, Any]:
        return {"tasks": list(tasks), "executor": {"path": path, "args": {}}}

    return {
        "format_version": 2,
        "executors": [
            executor(cleanup, "init_training", "post_validation"),
            executor("trainer.NumpyTrainer", "train", "submit_model"),
            executor("validator.NumpyValidator", "validate"),
        ],
        "task_result_filters": [{"tasks": ["train"], "filters": filters}] if filters else [],
        "task_data_filters": [],
        "components": components,
    }
