"""The two services that a job's server talks to, for tests: FLIP's hub, and an object store."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

KEY_HEADER = "X-Internal-Service-Key"
KEY = "a-key-of-the-tests"
BUCKET = "results"


@dataclass(frozen=True)
class Request:
    """A request as the hub got it."""

    method: str
    path: str
    headers: Mapping[str, str]
    """With names in lower case."""
    body: Any
    """The JSON of the body; None where there is none."""

    @property
    def key(self) -> str | None:
        """The key of the sender."""
        return self.headers.get(KEY_HEADER.lower())


@dataclass
class Hub:
    """A hub that answers `answer` to every request it knows, and 404 or 401 to others."""

    url: str
    key: str = KEY
    answer: int = 200
    """The status code of the answers, to be changed by a test."""
    _requests: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def requests(self) -> list[Request]:
        """All requests so far, in order, also the refused ones."""
        with self._lock:
            return list(self._requests)

    @property
    def statuses(self) -> list[str]:
        """The statuses of all models, in order."""
        parts = [request.path.split("/") for request in self.requests if request.method == "PUT"]
        return [path[4] for path in parts if len(path) == 5 and path[3] == "status"]

    @property
    def env(self) -> dict[str, str]:
        """The variables that lead to this hub."""
        return {
            "FLIP_API_INTERNAL_URL": self.url,
            "INTERNAL_SERVICE_KEY_HEADER": KEY_HEADER,
            "INTERNAL_SERVICE_KEY": self.key,
        }

    def _receive(self, request: Request) -> int:
        with self._lock:
            self._requests.append(request)
        if request.key != self.key:
            return 401
        match request.method, request.path.split("/"):
            case ("PUT", ["", "model", _, "status", _]) | ("POST", ["", "model", _, "metrics" | "logs"]):
                return self.answer
        return 404


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                value = json.loads(body) if body else None
            except ValueError:
                value = body.decode(errors="replace")
            headers = {name.lower(): text for name, text in self.headers.items()}
            code = hub._receive(Request(self.command, self.path, headers, value))
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_PUT = do_POST = do_GET = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Requests are recorded, not printed."""

    return Handler


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    hub = Hub(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = _handler(hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(frozen=True)
class ObjectStore:
    """An S3 server with one empty bucket."""

    url: str
    bucket: str = BUCKET

    @property
    def env(self) -> dict[str, str]:
        """The variables that lead to this store, without UPLOADED_FEDERATED_DATA_BUCKET."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }

    def client(self) -> Any:
        """A boto3 client of the store."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def keys(self) -> list[str]:
        """The keys of the bucket, sorted."""
        listed = self.client().list_objects_v2(Bucket=self.bucket)
        return sorted(entry["Key"] for entry in listed.get("Contents", []))

    def read(self, key: str) -> bytes:
        """The bytes of an object."""
        contents: bytes = self.client().get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return contents


@pytest.fixture
def object_store() -> Iterator[ObjectStore]:
    """An S3 server on a free port of this machine: moto's, which knows multipart uploads and `If-None-Match`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    store = ObjectStore(f"http://{host}:{port}")
    store.client().create_bucket(Bucket=store.bucket)
    yield store
    # moto keeps its buckets in this process: the next test is to find none of them.
    urllib.request.urlopen(urllib.request.Request(f"{store.url}/moto-api/reset", method="POST")).close()
    server.stop()
