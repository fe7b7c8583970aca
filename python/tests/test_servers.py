"""The tests' own servers do what the host needs of the real ones."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
from servers import KEY, KEY_HEADER, Hub, ObjectStore, hub, object_store

__all__ = ["hub", "object_store"]


def send(hub: Hub, method: str, path: str, body: object = None, key: str = KEY) -> int:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{hub.url}{path}", data, {KEY_HEADER: key}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_hub_records_what_it_is_sent(hub: Hub) -> None:
    metric = {"trust": "Trust_1", "globalRound": 1, "label": "LOSS", "result": 0.5}
    assert send(hub, "PUT", "/model/m/status/INITIATED") == 200
    assert send(hub, "POST", "/model/m/metrics", metric) == 200
    assert send(hub, "POST", "/model/m/logs", {"trust": "Trust_1", "log": "hello"}) == 200
    assert send(hub, "PUT", "/model/m/status/PREPARED", key="another") == 401
    assert send(hub, "GET", "/model/m") == 404
    assert hub.statuses == ["INITIATED", "PREPARED"]
    assert [request.body for request in hub.requests][:2] == [None, metric]
    hub.answer = 503
    assert send(hub, "PUT", "/model/m/status/PREPARED") == 503


def test_the_store_takes_parts_and_refuses_to_replace(object_store: ObjectStore) -> None:
    client, bucket = object_store.client(), object_store.bucket
    client.put_object(Bucket=bucket, Key="a", Body=b"1", IfNoneMatch="*")
    with pytest.raises(client.exceptions.ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=bucket, Key="a", Body=b"2", IfNoneMatch="*")
    upload = client.create_multipart_upload(Bucket=bucket, Key="folder/b.zip")["UploadId"]
    parts = []
    for number, part in enumerate((bytes(5 << 20), b"end"), 1):
        sent = client.upload_part(
            Bucket=bucket, Key="folder/b.zip", UploadId=upload, PartNumber=number, Body=part
        )
        parts.append({"PartNumber": number, "ETag": sent["ETag"]})
    client.complete_multipart_upload(
        Bucket=bucket, Key="folder/b.zip", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert object_store.keys() == ["a", "folder/b.zip"]
    assert object_store.read("a") == b"1"
    assert object_store.read("folder/b.zip") == bytes(5 << 20) + b"end"


def test_a_new_store_is_empty(object_store: ObjectStore) -> None:
    assert object_store.keys() == []
