"""An OpenID provider on this machine, which can also lie."""

import base64
import hashlib
import http.server
import json
import secrets
import threading
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

CLIENT, SECRET = "board", "a-secret-of-the-client"
# When its tokens end: the last second of the year 9999.
NEVER = 253402300799


class OpenIdProvider:
    """Knows one person at a time, `person`, and `lies` in what its tokens say."""

    def __init__(self):
        self.person = {"sub": "0001", "name": "Ann Example"}
        self.lies, self.keys_of, self.codes, self.asked = {}, None, {}, []
        self.n_described = 0
        self._key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
                if path == "/authorize":
                    asked = {name: each[0] for name, each in query.items()}
                    self.send_response(302)
                    self.send_header("Location", provider.authorize(asked))
                    self.end_headers()
                else:
                    provider.n_described += path.startswith("/.well-known")
                    self.reply(provider.documents()[path])

            def do_POST(self):
                body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                sent = {name: each[0] for name, each in body.items()}
                self.reply(*provider.token(sent, self.headers.get("Authorization", "")))

            def reply(self, values, status=200):
                content = json.dumps(values).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(content)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def documents(self):
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.lies.get("issuer", self.issuer),
                "jwks_uri": f"{self.issuer}/keys",
                **{name: f"{self.issuer}/{place}" for name, place in places.items()},
            },
            "/keys": {"keys": [self._key.as_dict(private=False)]},
        }

    def authorize(self, asked):
        """Returns where the browser goes on to: nobody is asked for a password here."""
        self.asked.append(asked)
        code = secrets.token_hex(8)
        self.codes[code] = asked
        state = self.lies.get("state", asked["state"])
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': state})}"

    def token(self, sent, authorization):
        asked = self.codes.pop(sent["code"], None)
        digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        named = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        if (
            asked is None
            or challenge != asked["code_challenge"]
            or sent["redirect_uri"] != asked["redirect_uri"]
            or named != f"{CLIENT}:{SECRET}"
        ):
            return {"error": "invalid_grant"}, 400
        claims = {
            "iss": self.issuer,
            "aud": asked["client_id"],
            "exp": NEVER,
            "iat": 0,
            "nonce": asked["nonce"],
            **self.person,
            **self.lies.get("claims", {}),
        }
        return {"access_token": "x", "token_type": "Bearer", "id_token": self._signed(claims)}, 200

    def _signed(self, claims):
        how = self.lies.get("signature")
        if how == "none":
            parts = ({"alg": "none"}, claims)
            texts = (base64.urlsafe_b64encode(json.dumps(each).encode()) for each in parts)
            return b".".join(text.rstrip(b"=") for text in texts).decode() + "."
        if how == "by the public key":
            public = OctKey.import_key(json.dumps(self._key.as_dict(private=False)))
            return jwt.encode({"alg": "HS256", "kid": "one"}, claims, public)
        key = ECKey.generate_key("P-256") if how == "by another key" else self._key
        return jwt.encode({"alg": "ES256", "kid": "one"}, claims, key)
