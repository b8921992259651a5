"""The API as a table: each operation with its path, what it takes, and what does it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from sensorium_tf.errors import shown
from sensorium_tf.leaderboard import exports, submissions, uploads, visible
from sensorium_tf.leaderboard.access import READ, Viewer
from sensorium_tf.leaderboard.board import Board, Refused


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """A request, checked as far as its operation says.

    Attributes:
        board: The leaderboard.
        viewer: Who asks.
        path: What stands in the address, by name.
        query: What stands behind the question mark, by name.
        body: JSON values.
        content: Of a slice.
        offset: Where in the file a slice belongs.
    """

    board: Board
    viewer: Viewer
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    content: bytes = b""
    offset: int = 0


@dataclasses.dataclass(frozen=True)
class Reply:
    """What an operation answers.

    Attributes:
        values: JSON values, or text.
        headers: Of the answer.
        media_type: Of text.
    """

    values: Any
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    media_type: str = "application/json"


@dataclasses.dataclass(frozen=True)
class Operation:
    """One thing that the API does.

    Attributes:
        method: Of HTTP.
        path: Below `/api/v1`.
        summary: What it does.
        run: Does it.
        query: Name of each parameter behind the question mark to what it is; all may be left out
            unless `required` names them.
        required: Parameters, or names in the body, that have to be there.
        body: Name of each value in the JSON body to its schema.
        takes_slice: Whether the body is a slice of a file.
        status: Where it succeeds.
        needs: Scope of the token that it needs; empty if none is needed.
    """

    method: str
    path: str
    summary: str
    run: Callable[[Call], Reply]
    query: Mapping[str, str] = dataclasses.field(default_factory=dict)
    required: tuple[str, ...] = ()
    body: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    takes_slice: bool = False
    status: int = 200
    needs: str = ""


def _competitions(call: Call) -> Reply:
    with call.board.database.read() as connection:
        return Reply({"competitions": exports.competition_list(call.board, connection)})


def _table_json(call: Call) -> Reply:
    with call.board.database.read() as connection:
        return Reply(exports.public_json(call.board, connection, **call.query))


def _table_csv(call: Call) -> Reply:
    with call.board.database.read() as connection:
        text = exports.public_csv(call.board, connection, **call.query)
    headers = {"content-disposition": 'attachment; filename="leaderboard.csv"'}
    return Reply(text, headers, "text/csv")


def _own_uploads(call: Call) -> Reply:
    found = uploads.own_uploads(call.board, call.viewer)
    return Reply({"uploads": [_upload(call, upload) for upload in found]})


def _open(call: Call) -> Reply:
    body = dict(call.body)
    upload = uploads.open_upload(call.board, call.viewer, declared=body.pop("sha256", None), **body)
    return Reply(
        _upload(call, upload),
        {"location": f"/api/v1/uploads/{upload.id}", **_offset(upload)},
    )


def _progress(call: Call) -> Reply:
    upload = uploads.state(call.board, call.viewer, call.path["id"])
    return Reply(None, _offset(upload))


def _append(call: Call) -> Reply:
    upload = uploads.append(call.board, call.viewer, call.path["id"], call.offset, call.content)
    return Reply(_upload(call, upload), _offset(upload))


def _cancel(call: Call) -> Reply:
    uploads.cancel(call.board, call.viewer, call.path["id"])
    return Reply({"deleted": call.path["id"]})


def _submit(call: Call) -> Reply:
    request = submissions.Request.from_json(call.body)
    receipt = submissions.submit(call.board, call.viewer, request)
    return Reply(receipt, {"location": f"/api/v1/submissions/{receipt['submission']}"})


def _own_submissions(call: Call) -> Reply:
    call.viewer.require(READ)
    with call.board.database.read() as connection:
        return Reply({"submissions": visible.own_submissions(call.board, connection, call.viewer)})


def _submission(call: Call) -> Reply:
    with call.board.database.read() as connection:
        return Reply(visible.submission(call.board, connection, call.viewer, call.path["id"]))


def _publish(call: Call) -> Reply:
    submissions.publish(call.board, call.viewer, call.path["id"])
    return _submission(call)


def _withdraw(call: Call) -> Reply:
    submissions.withdraw(call.board, call.viewer, call.path["id"])
    return _submission(call)


def _compare(call: Call) -> Reply:
    with call.board.database.read() as connection:
        return Reply(
            visible.comparison(
                call.board, connection, call.viewer, call.query["a"], call.query["b"]
            )
        )


def _upload(call: Call, upload: uploads.Upload) -> dict[str, Any]:
    return {**upload.to_json(), "slice_bytes": call.board.limits.slice_bytes}


def _offset(upload: uploads.Upload) -> dict[str, str]:
    return {"upload-offset": str(upload.received), "upload-length": str(upload.length)}


_TEXT = {"type": "string"}
_TABLE = {"track": "Name of a track; all if left out.", "phase": "live or final; both if left out."}
_UPLOAD_BODY = {
    "track": _TEXT,
    "tier": {"type": "string", "description": "Whose responses the file predicts."},
    "length": {"type": "integer", "minimum": 1, "description": "Bytes that will be sent."},
    "encoding": {"type": "string", "enum": list(uploads.ENCODINGS)},
    "sha256": {"type": "string", "description": "Of the bytes as they are sent."},
    "team": _TEXT,
}
_SUBMISSION_BODY = {
    "track": _TEXT,
    "name": _TEXT,
    "files": {
        "type": "object",
        "additionalProperties": _TEXT,
        "description": "Tier to the id of a complete upload.",
    },
    "team": _TEXT,
    "method": _TEXT,
    "links": {"type": "array", "items": _TEXT, "maxItems": 5},
    "label": {"type": ["object", "null"], "description": "What submission.json says."},
    "is_baseline": {"type": "boolean"},
}

#: All that the API does.
OPERATIONS = (
    Operation("GET", "/competitions", "Lists competitions, tracks and phases.", _competitions),
    Operation("GET", "/leaderboard.json", "Returns the tables.", _table_json, _TABLE),
    Operation("GET", "/leaderboard.csv", "Returns the tables as CSV.", _table_csv, _TABLE),
    Operation("GET", "/uploads", "Lists your open uploads.", _own_uploads, needs="submit"),
    Operation(
        "POST",
        "/uploads",
        "Opens an upload.",
        _open,
        body=_UPLOAD_BODY,
        required=("track", "tier", "length"),
        status=201,
        needs="submit",
    ),
    Operation(
        "HEAD",
        "/uploads/{id}",
        "Tells in Upload-Offset where to go on.",
        _progress,
        needs="submit",
    ),
    Operation(
        "PATCH",
        "/uploads/{id}",
        "Adds a slice at Upload-Offset.",
        _append,
        takes_slice=True,
        needs="submit",
    ),
    Operation("DELETE", "/uploads/{id}", "Forgets an upload.", _cancel, needs="submit"),
    Operation("GET", "/submissions", "Lists your submissions.", _own_submissions, needs="read"),
    Operation(
        "POST",
        "/submissions",
        "Submits uploaded files; returns the receipt.",
        _submit,
        body=_SUBMISSION_BODY,
        required=("track", "name", "files"),
        status=201,
        needs="submit",
    ),
    Operation("GET", "/submissions/{id}", "Returns a submission.", _submission),
    Operation("POST", "/submissions/{id}/publish", "Shows a submission.", _publish, needs="submit"),
    Operation(
        "POST", "/submissions/{id}/withdraw", "Takes a submission back.", _withdraw, needs="submit"
    ),
    Operation(
        "GET",
        "/compare",
        "Compares two submissions neuron by neuron.",
        _compare,
        {"a": "Id of a submission.", "b": "Id of another."},
        ("a", "b"),
    ),
)


_KINDS = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def check_values(
    given: Mapping[str, Any], known: Mapping[str, Any], required: tuple[str, ...]
) -> None:
    """Raises Refused if a value is unknown, missing, of another kind, or text that is none.

    Args:
        given: What was sent, by name.
        known: What may be sent: name to its schema, or to text about text.
        required: What must be sent.
    """
    for name, value in given.items():
        if name not in known:
            raise Refused(f"{shown(name)}: expected {', '.join(known) or 'nothing'}")
        schema = known[name] if isinstance(known[name], Mapping) else _TEXT
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if type(value) not in {kind for each in kinds for kind in _KINDS[each]}:
            raise Refused(f"{name}: expected {' or '.join(kinds)}")
        if not _is_text_throughout(value):
            raise Refused(f"{name}: holds characters that no text has")
    for name in required:
        if name not in given:
            raise Refused(f"{name} is missing")


def _is_text_throughout(value: Any) -> bool:
    """Tells whether no text in JSON values has what no database takes: NUL, half characters."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return all(map(_is_text_throughout, (*value, *value.values())))
    return not isinstance(value, list) or all(map(_is_text_throughout, value))
