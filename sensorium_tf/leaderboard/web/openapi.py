"""The description of the API, made of the table that runs it."""

import re
from typing import Any

from sensorium_tf import __version__
from sensorium_tf.leaderboard.web.operations import OPERATIONS, Operation

#: What every operation may answer instead.
ERRORS = {
    "400": "The request cannot be read.",
    "401": "The token is missing or not valid.",
    "403": "The token may not do this.",
    "404": "There is no such thing, or not for you.",
    "408": "The request came too slowly.",
    "409": "It is otherwise than the request takes it for.",
    "413": "Too large.",
    "415": "The body is of another kind.",
    "422": "Something in the request is not what it should be.",
    "429": "Too many; Retry-After says when.",
    "500": "A fault of the server.",
    "503": "Try again later.",
    "507": "The server's disk is full.",
}


def description() -> dict[str, Any]:
    """Returns the API in OpenAPI 3.1, as JSON values."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        path = paths.setdefault(f"/api/v1{operation.path}", {})
        path[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sensorium leaderboard", "version": __version__},
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {"error": {"type": "string"}},
                }
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    parameters = [
        _parameter(name, "path", "", required=True)
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    parameters += [
        _parameter(name, "query", doc, required=name in operation.required)
        for name, doc in operation.query.items()
    ]
    if operation.takes_slice:
        parameters.append(
            _parameter("Upload-Offset", "header", "Where the slice belongs.", required=True)
        )
    found: dict[str, Any] = {"summary": operation.summary, "parameters": parameters}
    found["security"] = [{"token": []}] if operation.needs else [{}, {"token": []}]
    if operation.takes_slice:
        content = {"application/offset+octet-stream": {"schema": {"type": "string"}}}
        found["requestBody"] = {"required": True, "content": content}
    elif operation.body:
        schema = {
            "type": "object",
            "properties": dict(operation.body),
            "required": list(operation.required),
            "additionalProperties": False,
        }
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    found["responses"] = {str(operation.status): {"description": operation.summary}} | {
        status: {"description": text, "content": error} for status, text in ERRORS.items()
    }
    return found


def _parameter(name: str, place: str, doc: str, *, required: bool) -> dict[str, Any]:
    schema = {"type": "integer"} if name == "Upload-Offset" else {"type": "string"}
    return {
        "name": name,
        "in": place,
        "required": required,
        "schema": schema,
        **({"description": doc} if doc else {}),
    }
