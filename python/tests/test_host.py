"""Every host interface, served by a Python object and by the runtime's own backends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from servers import Hub, hub  # noqa: F401  # a fixture

import flip_wasm

POLICY = """
[components.errand]
directories = { job = "read-write", workspace = "read" }
cleanup = ["job/own/*"]
object-store = ["put", "put-archive", "get", "head"]
hub = ["update-status", "send-metric", "send-exception"]
events = ["a", "_fatal_system_error"]
peers = ["results-generator", "results-persistor", "model-persistor"]
"""


class Errands:
    """The errand runner, which does what it is told and logs the outcome of each."""

    def __init__(self, guests: Path, folder: Path) -> None:
        (folder / "policy.toml").write_text(POLICY)
        runtime = flip_wasm.Runtime(policy=folder / "policy.toml")
        self.component = runtime.load(guests / "errand.wasm")

    def __call__(self, errands: list[Any], context: Any = None, **host: Any) -> list[str]:
        lines: list[str] = []
        host["log"] = lambda component, level, message: lines.append(message)
        instance = self.component.instantiate({"on": {"go": errands}}, host=flip_wasm.Host(**host))
        instance.handle_event("go", context)
        return lines


@pytest.fixture
def errands(guests: Path, tmp_path: Path) -> Errands:
    return Errands(guests, tmp_path)


CONTEXT = flip_wasm.Context(job_id="job-1", identity="site-1")


class Recording:
    """Answers to any method, and remembers what it was called with."""

    def __init__(self, **answers: Any) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def method(*args: Any) -> Any:
            self.calls.append((name, *args))
            answer = self._answers.get(name)
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return method


def test_directories_by_their_paths(errands: Errands, tmp_path: Path) -> None:
    job = tmp_path / "job"
    (job / "own" / "x").mkdir(parents=True)
    lines = errands(
        [{"write": ["job", "a.txt", "text"]}, {"read": ["job", "a.txt", 0, 9]}, {"remove": ["job", "own/x"]},
         {"read": ["workspace", "a", 0, 9]}],
        directories={"job": job},
    )  # fmt: skip
    assert lines[0] == "ok" and lines[1] == 'ok "text"' and lines[2].startswith("ok"), lines
    assert lines[3].startswith(("not found", "not permitted", "unavailable")), lines
    assert (job / "a.txt").read_text() == "text" and not (job / "own" / "x").exists()


def test_directories_by_an_object(errands: Errands, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("here")
    directories = Recording(open=tmp_path)
    assert errands([{"read": ["job", "a", 0, 9]}], CONTEXT, directories=directories) == ['ok "here"']
    assert directories.calls == [("open", "job", CONTEXT)]
    (line,) = errands([{"read": ["job", "a", 0, 9]}], directories=Recording(open=None))
    assert line.startswith("not found"), line
    with pytest.raises(ValueError, match="no directory is called .home.; there are job, app"):
        errands([], directories={"home": "/root"})


def test_a_hub_that_is_an_object(errands: Errands) -> None:
    hub = Recording()  # noqa: F811
    told = errands([{"update-status": "m"}, {"send-metric": ["site-1", "m", "loss", 0.5, 3]},
                    {"send-exception": ["site-1", "m", "text"]}], hub=hub)  # fmt: skip
    assert told == ["ok"] * 3
    assert hub.calls[1:] == [("send_metric", "site-1", "m", "loss", 0.5, 3), ("send_exception", "site-1", "m", "text")]
    assert hub.calls[0][:2] == ("update_status", "m")
    (line,) = errands([{"update-status": "m"}], hub=Recording(update_status=RuntimeError("no line")))
    assert line.startswith("unavailable: RuntimeError: no line"), line


def test_the_hub_over_http(errands: Errands, hub: Hub) -> None:  # noqa: F811
    assert errands([{"update-status": "m"}], hub=flip_wasm.HttpHub(hub.url, key=hub.key)) == ["ok"]
    assert [request.method for request in hub.requests] == ["PUT"] and hub.requests[0].key == hub.key
    assert hub.key not in repr(flip_wasm.HttpHub(hub.url, key=hub.key))


def test_an_object_store_that_is_an_object(errands: Errands, tmp_path: Path) -> None:
    store = Recording(get=b"contents", head=8, put_archive=77)
    told = errands(
        [{"put": ["k", "text"]}, {"get": ["k", 1, 3]}, {"head": "k"}, {"put-archive": ["z.zip", "job", ""]}],
        CONTEXT, object_store=store, directories={"job": tmp_path},
    )  # fmt: skip
    assert told[1] == 'ok "con"' and all(line.startswith("ok") for line in told), told
    assert store.calls[0] == ("put", "k", b"text") and store.calls[1] == ("get", "k", 1, 3)
    name, key, folder, limit, context = store.calls[3]
    assert (name, key, Path(folder), context) == ("put_archive", "z.zip", tmp_path, CONTEXT) and limit > 0
    assert errands([{"get": ["k", 0, 1]}], object_store=Recording())[0].startswith("not found")


def test_the_store_of_a_folder(errands: Errands, tmp_path: Path) -> None:
    store = flip_wasm.ObjectStore(tmp_path.as_uri())
    told = errands([{"put": ["k", "text"]}, {"get": ["k", 0, 9]}], object_store=store)
    assert told[1] == 'ok "text"' and (tmp_path / "k").read_text() == "text"


def test_events(errands: Errands) -> None:
    events = Recording()
    assert errands([{"fire": "a"}, {"fire": "b"}, {"system-panic": "why"}], CONTEXT, events=events)[0] == "ok"
    assert events.calls == [("fire", "a", CONTEXT), ("system_panic", "why", CONTEXT)]


def test_an_exception_of_an_events_handler_reaches_whoever_called(errands: Errands) -> None:
    with pytest.raises(RuntimeError, match="of the handler"):
        errands([{"fire": "a"}], events=Recording(fire=RuntimeError("of the handler")))


def test_peers(errands: Errands) -> None:
    generator, persistor = Recording(all_tasks_failed=True), Recording()
    models = Recording(model_inventory={"FL_global_model.pt": "/job/m.pt"})
    peers = Recording(results_generator=generator, results_persistor=persistor, model_persistor=models)
    told = errands(
        [{"handle-evaluation-event": ["g", "_end_run"]}, {"all-tasks-failed": "g"}, {"execute": "p"},
         {"model-inventory": "m"}],
        CONTEXT, peers=peers,
    )  # fmt: skip
    assert all(line.startswith("ok") for line in told), told
    assert generator.calls == [("handle_evaluation_event", "_end_run", CONTEXT), ("all_tasks_failed",)]
    assert persistor.calls == [("execute", CONTEXT)]
    assert "FL_global_model.pt" in told[3] and peers.calls[0] == ("results_generator", "g", CONTEXT)
    told = errands(
        [{"get-results-generator": "g"}, {"get-results-persistor": "p"}],
        peers=Recording(results_generator="a Trainer"),
    )
    assert "a Trainer" in told[0] and "not found" in told[1], told


def test_what_is_not_served_or_not_granted_is_refused(errands: Errands, guests: Path) -> None:
    assert errands([{"update-status": "m"}])[0].startswith("unavailable: this host has no hub")
    lines: list[str] = []
    host = SimpleNamespace(
        log=lambda component, level, message: lines.append(message), hub=Recording(), directories=None,
        object_store=None, events=None, peers=None,
    )  # fmt: skip
    component = flip_wasm.Runtime().load(guests / "errand.wasm")
    component.instantiate({"on": {"go": [{"update-status": "m"}]}}, host=host).handle_event("go")
    assert lines[0].startswith('not permitted: hub = ["update-status"] under [components.errand]'), lines
    assert host.hub.calls == []


def test_a_component_that_calls_itself_is_busy(errands: Errands) -> None:
    class Again:
        def fire(self, event_type: str, context: Any) -> None:
            instance.handle_event("go")

        def system_panic(self, reason: str, context: Any) -> None:
            raise AssertionError(reason)

    host = flip_wasm.Host(events=Again(), log=lambda *line: None)
    instance = errands.component.instantiate({"on": {"go": [{"fire": "a"}]}}, host=host)
    with pytest.raises(flip_wasm.ComponentBusy):
        instance.handle_event("go")
    assert instance.usage["calls"] >= 1
