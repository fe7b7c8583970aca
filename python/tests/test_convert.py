"""`python -m flip_wasm convert`: class paths change, and nothing else does."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
from job import make_job
from nvflare.job_config import api, defs

from flip_wasm.__main__ import main
from flip_wasm.convert import CLASSES, NEW, OLD, ConvertError, convert

MODULES = {
    "PercentilePrivacy": "custom_percentile_privacy",
    "ServerEventHandler": "flip_server_event_handler",
    "CleanupImages": "cleanup",
}


def snapshot(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def app(folder: Path, text: str, name: str = "config_fed_client.json") -> Path:
    config = folder / "app" / "config"
    config.mkdir(parents=True)
    (config / name).write_bytes(text.encode())
    return folder


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job with FLIP's own components."""
    return make_job(tmp_path / "job", components=OLD, filter_path=f"{OLD}.PercentilePrivacy")


def test_only_the_class_paths_of_a_job_change(job: Path, tmp_path: Path) -> None:
    before = snapshot(job)
    done = convert(job, tmp_path / "out")
    after = snapshot(tmp_path / "out")
    assert snapshot(job) == before
    assert done.changed == 6
    assert after == {name: text.replace(OLD.encode(), NEW.encode()) for name, text in before.items()}
    assert f"{OLD}.CleanupImages -> {NEW}.CleanupImages" in "\n".join(done.lines)


@pytest.mark.parametrize("name", sorted(CLASSES))
@pytest.mark.parametrize("key", ["path", "class_path"])
def test_every_class_is_found_in_its_submodule_too(tmp_path: Path, name: str, key: str) -> None:
    module = f"{OLD}.{MODULES.get(name, 'module')}.{name}"
    entry = {"id": "a", key: module, "args": {"model_id": "m", "inner": {key: f"{OLD}.{name}"}}}
    out = convert(app(tmp_path / "job", json.dumps({"components": [entry]})), tmp_path / "out")
    assert out.changed == 2
    config = json.loads((tmp_path / "out/app/config/config_fed_client.json").read_text())
    new = f"{NEW}.{name}"
    expected = {"id": "a", key: new, "args": {"model_id": "m", "inner": {key: new}}}
    assert config == {"components": [expected]}


def test_formatting_and_ends_of_lines_stay(tmp_path: Path) -> None:
    text = '{"components" : [ \t{\r\n"path"\n :\t"%s.CleanupImages" ,"x":"\\u00e9"}]}\r\n'
    convert(app(tmp_path / "job", text % OLD), tmp_path / "out")
    out = (tmp_path / "out/app/config/config_fed_client.json").read_bytes()
    assert out == (text % NEW).encode()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config_fed_client.conf", 'components = [{\n # path = "%s.Old"\n path = "%s.CleanupImages" // %s\n}]\n'),
        ("config_fed_client.conf", "components = [{path: %s.CleanupImages, args {}}]\n"),
        ("config_fed_client.yml", "components:\n  - id: a  # %s\n    path: %s.CleanupImages  # the executor\n"),
        ("config_fed_client.yaml", "components:\n  - {id: a, path: '%s.CleanupImages'}\n"),
    ],
)
def test_hocon_and_yaml_keep_their_comments(tmp_path: Path, name: str, text: str) -> None:
    old, new = (text.replace("%s.Cleanup", f"{package}.Cleanup").replace("%s", OLD) for package in (OLD, NEW))
    done = convert(app(tmp_path / "job", old, name), tmp_path / "out")
    assert (tmp_path / "out/app/config" / name).read_text() == new
    assert done.changed == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config_fed_client.conf", f'package = "{OLD}"\ncomponents = [{{path = ${{package}}".CleanupImages"}}]\n'),
        ("config_fed_client.yml", f"components:\n  - path: >-\n      {OLD}.CleanupImages\n"),
        ("config_fed_client.json", f'{{"components": [{{"path": "{OLD}.CleanupImages"}},]}}'),
        ("config_fed_client.json", f'{{"x": "{OLD}", "path": "flip\\u002envflare.components.CleanupImages"}}'),
    ],
)
def test_what_cannot_be_rewritten_is_an_error_and_changes_nothing(
    tmp_path: Path, name: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    job = app(tmp_path / "job", text, name)
    assert main(["convert", str(job), "--in-place"]) == 2
    assert f"app/config/{name}" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["job"]
    assert snapshot(job) == {f"app/config/{name}": text.encode()}


def test_what_is_left_is_reported(tmp_path: Path) -> None:
    entries = [
        {"id": "a", "path": "wasm:custom/my.wasm"},
        {"id": "b", "path": f"{OLD}.keep_vars_filter.KeepOnlyVars"},
        {"id": "c", "path": f"{OLD}.ServerEventHandler", "args": {}},
        {"id": "d", "path": "nvflare.app_common.filters.percentile_privacy.PercentilePrivacy"},
    ]
    job = app(tmp_path / "job", json.dumps({"components": entries}, indent=2))
    (job / "app/custom").mkdir()
    (job / "app/custom/mine.py").write_text(f"import os\nfrom {OLD} import CleanupImages\n")
    done = convert(job, tmp_path / "out")
    where = "app/config/config_fed_client.json"
    assert done.lines == [
        f"{where}:5: left: wasm:custom/my.wasm: `flip-wasm run` knows such paths, NVFLARE does not",
        f"{where}:9: left: {OLD}.keep_vars_filter.KeepOnlyVars: not one of the classes that run in the sandbox",
        f"{where}:13: {OLD}.ServerEventHandler -> {NEW}.ServerEventHandler",
        f"{where}: note: ServerEventHandler has no model_id among its args, and needs one",
        f"app/custom/mine.py:2: left: code is not rewritten: from {OLD} import CleanupImages",
    ]


def test_components_are_copied_to_each_app(job: Path, tmp_path: Path) -> None:
    wasm, text = tmp_path / "my.wasm", tmp_path / "text.wasm"
    wasm.write_bytes(b"\0asm\x0d\0\1\0")
    text.write_text("(component)")
    done = convert(job, tmp_path / "out", components=[wasm])
    assert (tmp_path / "out/app/custom/my.wasm").read_bytes() == wasm.read_bytes()
    assert done.lines[-1] == "app/custom/my.wasm: copied"
    with pytest.raises(ConvertError, match="not a WebAssembly file"):
        convert(job, tmp_path / "out2", components=[text])


def test_the_command_line(job: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(job)]) == 0
    assert capsys.readouterr().out.endswith(f"6 class paths changed, in {job}-wasm\n")
    assert main(["convert", str(job)]) == 2
    assert "there already" in capsys.readouterr().err
    assert main(["convert", str(job), "--in-place"]) == 0
    assert snapshot(job) == snapshot(tmp_path / "job-wasm")
    assert main(["convert", str(tmp_path / "none")]) == 2
    assert main(["convert", str(job), "--in-place"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job", "job-wasm"]
    with pytest.raises(SystemExit, match="2"):
        main(["convert", str(job), "-o", "x", "--in-place"])


def test_a_job_that_nvflare_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # An exported job has the class path of an object. This stands in for FLIP's package.
    module = tmp_path / "lib" / "flip" / "nvflare" / "components" / "custom_percentile_privacy.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "from nvflare.app_common.filters import percentile_privacy\n\n"
        "class PercentilePrivacy(percentile_privacy.PercentilePrivacy):\n"
        "    def __init__(self, percentile=10, gamma=0.01):\n"
        "        super().__init__(percentile, gamma)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    for name in [name for name in sys.modules if name.split(".")[0] == "flip"]:
        monkeypatch.delitem(sys.modules, name)
    theirs = importlib.import_module(f"{OLD}.custom_percentile_privacy").PercentilePrivacy
    job = api.FedJob(name="exported")
    job.to(theirs(percentile=20), "site-1", tasks=["train"], filter_type=defs.FilterType.TASK_RESULT)
    job.export_job(str(tmp_path))
    done = convert(tmp_path / "exported", tmp_path / "out")
    assert done.changed == 1, snapshot(tmp_path / "exported")
    config = json.loads(next((tmp_path / "out").glob("app*/config/config_fed_client.json")).read_text())
    [entry] = config["task_result_filters"][0]["filters"]
    assert (entry["path"], entry["args"]["percentile"]) == (f"{NEW}.PercentilePrivacy", 20)
