"""An engine of NVFLARE's kind, without a job's processes: events, components and the layout of folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nvflare.apis.fl_constant import ReservedKey
from nvflare.apis.fl_context import FLContext


class Workspace:
    """NVFLARE's layout in a folder."""

    def __init__(self, root: Path, app: str = "app_server") -> None:
        self.root, self.app = root, app
        for folder in ("local", f"job-1/{app}/custom", f"job-1/{app}/model"):
            (root / folder).mkdir(parents=True, exist_ok=True)

    def get_root_dir(self) -> str:
        return str(self.root)

    def get_run_dir(self, job_id: str) -> str:
        return str(self.root / job_id)

    def get_app_dir(self, job_id: str) -> str:
        return str(self.root / job_id / self.app)

    def get_app_custom_dir(self, job_id: str) -> str:
        return str(self.root / job_id / self.app / "custom")

    def get_site_config_dir(self) -> str:
        return str(self.root / "local")

    def get_job_meta_path(self, job_id: str) -> str:
        return str(self.root / job_id / "meta.json")


class Engine:
    """Delivers each event to every component at once, as NVFLARE's does."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.components, self.events = workspace, {}, []

    def get_workspace(self) -> Workspace:
        return self.workspace

    def get_component(self, component_id: str) -> Any:
        return self.components.get(component_id)

    def fire_event(self, event_type: str, fl_ctx: FLContext) -> None:
        self.events.append(event_type)
        for component in self.components.values():
            component.handle_event(event_type, fl_ctx)

    def context(self, **props: Any) -> FLContext:
        fl_ctx = FLContext()
        for key, value in {
            ReservedKey.ENGINE: self,
            ReservedKey.RUN_NUM: "job-1",
            ReservedKey.IDENTITY_NAME: "server",
            **props,
        }.items():
            fl_ctx.set_prop(key, value, private=True, sticky=False)
        return fl_ctx


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("LOCAL_DEV", "false")
    for name in ("FLIP_API_INTERNAL_URL", "UPLOADED_FEDERATED_DATA_BUCKET", "IMAGES_DIR"):
        monkeypatch.delenv(name, raising=False)
    return Engine(Workspace(tmp_path))
