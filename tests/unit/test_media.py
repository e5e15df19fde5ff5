"""The media function, run out of the zip that is deployed."""

import base64
import importlib.util
import zipfile
from pathlib import Path
from typing import Any

import pytest

from stacks.functions import zipped
from stacks.media import media_files

Json = dict[str, Any]
NAME = "0123456789abcdef.wav"


@pytest.fixture
def handler(tmp_path: Path, hello: bytes) -> Any:
    """The function as it would run, with one file in it."""
    (tmp_path / "templates" / "voicemail").mkdir(parents=True)
    (tmp_path / "templates" / "voicemail" / "hello.wav").write_bytes(hello)
    archive = zipped("media-test", media_files({NAME: "voicemail/hello.wav"}, tmp_path / "templates"))
    with zipfile.ZipFile(archive) as content:
        content.extractall(tmp_path / "task")
    archive.unlink()
    spec = importlib.util.spec_from_file_location("deployed_media", tmp_path / "task" / "lambdas" / "media" / "handler.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


def get(path: str, **headers: str) -> Json:
    """A request of API Gateway's."""
    return {"path": path, "httpMethod": "GET", "headers": headers or None}


def test_audio_is_served_with_type_and_etag(handler: Any, hello: bytes) -> None:
    """Whatever stands before the digest; API Gateway turns base64 into bytes."""
    answer = handler(get(f"/box.start.1.{NAME}"), None)
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "audio/wav"
    assert answer["headers"]["ETag"] == '"0123456789abcdef"'
    assert "max-age=31536000" in answer["headers"]["Cache-Control"]
    assert answer["isBase64Encoded"]
    assert base64.b64decode(answer["body"]) == hello


def test_a_copy_that_is_still_good_is_not_sent_again(handler: Any) -> None:
    answer = handler(get(f"/{NAME}", **{"If-None-Match": '"other", "0123456789abcdef"'}), None)
    assert (answer["statusCode"], answer["body"]) == (304, "")
    assert handler(get(f"/{NAME}", **{"if-none-match": '"other"'}), None)["statusCode"] == 200


@pytest.mark.parametrize("path", ["/", "/x", "/hello.wav", "/..%2F..%2Fhandler.py", "/../handler.py", f"/{NAME}.bak", ""])
def test_nothing_else_is_served(handler: Any, path: str) -> None:
    answer = handler(get(path), None)
    assert answer["statusCode"] == 404
    assert answer["headers"] == {"Cache-Control": "no-store"}
