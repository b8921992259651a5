"""Requests to an ASGI application, without a server."""

import asyncio
import dataclasses
import json as json_module
from urllib.parse import urlencode


@dataclasses.dataclass
class Response:
    status: int
    headers: dict
    cookies: dict
    content: bytes

    @property
    def text(self):
        return self.content.decode()

    def json(self):
        return json_module.loads(self.content)


BOUNDARY = "a-boundary-that-no-file-holds"


def multipart(fields, files):
    """Returns the body of a form with files: name to file name and content."""
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts += [
        (f'name="{name}"; filename="{file}"', content) for name, (file, content) in files.items()
    ]
    lines = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n"
        for head, value in parts
    )
    return lines + f"--{BOUNDARY}--\r\n".encode()


class Client:
    """Somebody at an address, perhaps with a token or with cookies."""

    def __init__(self, app, token=None, address="192.0.2.1", origin="http://board.test"):
        self.app, self.token, self.address = app, token, address
        self.origin, self.cookies = origin, {}

    def request(
        self,
        method,
        path,
        *,
        json=None,
        form=None,
        files=None,
        content=b"",
        chunks=None,
        pause=0,
        headers=None,
    ):
        sent = {"host": "board.test", **(headers or {})}
        if self.token is not None:
            sent.setdefault("authorization", f"Bearer {self.token}")
        if json is not None:
            content = json_module.dumps(json).encode()
            sent.setdefault("content-type", "application/json")
        if form is not None and files is None:
            content = urlencode(form).encode()
            sent.setdefault("content-type", "application/x-www-form-urlencoded")
            sent.setdefault("origin", self.origin)
        if files is not None:
            content = multipart(form or {}, files)
            sent["content-type"] = f"multipart/form-data; boundary={BOUNDARY}"
            sent.setdefault("origin", self.origin)
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if chunks is None:
            chunks = [content]
            sent.setdefault("content-length", str(len(content)))
        response = asyncio.run(self._request(method, path, sent, chunks, pause))
        self.cookies |= response.cookies
        self.cookies = {name: value for name, value in self.cookies.items() if value != '""'}
        return response

    async def _request(self, method, path, headers, chunks, pause):
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items()],
            "client": (self.address, 5000),
            "server": ("board.test", 80),
        }
        left, found, body = list(chunks), {}, bytearray()

        async def receive():
            if not left and chunks:
                await asyncio.Event().wait()  # until the answer is there
            if not left:
                return {"type": "http.disconnect"}
            if pause:
                await asyncio.sleep(pause)
            chunk = left.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(left)}

        async def send(message):
            if message["type"] == "http.response.start":
                found.update(message)
            else:
                body.extend(message.get("body", b""))

        try:
            await self.app(scope, receive, send)
        except Exception:
            # Starlette answers a fault, then raises it again for the server's log.
            if "status" not in found:
                raise
        pairs = [(k.decode().lower(), v.decode("latin-1")) for k, v in found["headers"]]
        cookies = dict(
            value.partition(";")[0].split("=", 1) for key, value in pairs if key == "set-cookie"
        )
        return Response(found["status"], dict(pairs), cookies, bytes(body))

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)
