"""Pages under `/_ministack/` by which a test changes how this cloud behaves: GET shows, POST of a JSON object changes and shows."""

import json
from collections.abc import Callable
from typing import Any

from ministack import app

type Json = dict[str, Any]

#: By path: what takes the object posted (None: only asked) and returns the state. It raises TypeError or ValueError for nonsense.
pages: dict[str, Callable[[Json | None], Json]] = {}


async def _shortcuts(method: str, path: str, headers: Json, body: bytes, query: Json, request_id: str) -> Any:
    if path not in pages:
        return await _other_shortcuts(method, path, headers, body, query, request_id)
    try:
        state = pages[path](json.loads(body) if method == "POST" else None)
    except (TypeError, ValueError) as mistake:
        return 400, {"Content-Type": "text/plain"}, f"{path}: {mistake}".encode()
    return 200, {"Content-Type": "application/json"}, json.dumps(state).encode()


_other_shortcuts = app._handle_post_body_shortcuts


def install() -> None:
    """Answer at these pages."""
    app._handle_post_body_shortcuts = _shortcuts
