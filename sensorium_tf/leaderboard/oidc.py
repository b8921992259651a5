"""Logins with an OpenID provider: authorization code with PKCE, checked by Authlib's parts."""

import dataclasses
import importlib
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sensorium_tf.errors import SensoriumError, one_line, shown
from sensorium_tf.leaderboard.accounts import new_secret
from sensorium_tf.leaderboard.board import Refused
from sensorium_tf.leaderboard.settings import OidcSettings

_TIMEOUT_SECONDS = 10
_LEEWAY_SECONDS = 60
# What a provider says of itself seldom changes, and anybody can make us ask for it.
_KEPT_SECONDS = 300
# Signatures that whoever knows no more than the public key cannot make.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")


@dataclasses.dataclass(frozen=True)
class Identity:
    """Somebody as a provider knows them.

    Attributes:
        issuer: The provider.
        subject: Who it is there, for good.
        name: What the provider calls them; empty if it does not say.
    """

    issuer: str
    subject: str
    name: str


@dataclasses.dataclass(frozen=True)
class Attempt:
    """What a browser keeps while its person is at the provider.

    Attributes:
        state: Comes back with the answer.
        nonce: Comes back in the provider's token.
        verifier: Shows that whoever brings the code is who asked for it.
    """

    state: str = dataclasses.field(default_factory=new_secret)
    nonce: str = dataclasses.field(default_factory=new_secret)
    verifier: str = dataclasses.field(default_factory=new_secret)


@dataclasses.dataclass(frozen=True)
class Provider:
    """An OpenID provider.

    Attributes:
        issuer: Its address, as its own tokens have it.
        client_id: This service's there.
        name: What people call it.
        secret: Of the client; None for one without, whom PKCE alone protects.
        is_open: Whether those who are not users here become some.
        now: Tells seconds.
    """

    issuer: str
    client_id: str
    name: str
    secret: str | None = dataclasses.field(default=None, repr=False)
    is_open: bool = False
    now: Callable[[], float] = dataclasses.field(default=time.monotonic, repr=False, compare=False)
    _kept: dict[str, tuple[float, Mapping[str, Any]]] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, settings: OidcSettings, secret: str | None) -> "Provider | None":
        """Returns the provider that the settings name, if any.

        Raises:
            SensoriumError: If a setting is missing, or what it needs is not installed.
        """
        if settings.oidc_issuer is None:
            return None
        if settings.oidc_client is None:
            raise SensoriumError("--oidc_issuer needs --oidc_client, the client id there")
        _check_secure(settings.oidc_issuer)
        try:
            for name in ("authlib.integrations.requests_client", "joserfc"):
                importlib.import_module(name)
        except ModuleNotFoundError as e:
            raise SensoriumError(
                f"{e.name} is not installed: pip install 'sensorium_tf[leaderboard,oidc]'"
            ) from e
        return cls(
            settings.oidc_issuer,
            settings.oidc_client,
            settings.oidc_name,
            secret or None,
            settings.oidc_open,
        )

    def address(self, attempt: Attempt, redirect: str) -> str:
        """Returns where a browser goes to log in.

        Args:
            attempt: That the browser keeps.
            redirect: Where it comes back to, as the provider knows it.

        Raises:
            Refused: If the provider cannot be reached.
        """
        session, found = self._session(redirect)
        with session:
            return session.create_authorization_url(
                _address(found, "authorization_endpoint"),
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )[0]

    def identity(self, code: str, attempt: Attempt, redirect: str) -> Identity:
        """Returns whose a code is, which the provider gave a browser.

        Args:
            code: From the address that the browser came back to.
            attempt: That the same browser kept.
            redirect: As of `address`.

        Raises:
            Refused: If the provider does not take the code, or what it says cannot be trusted.
        """
        session, found = self._session(redirect)
        with session:
            try:
                token = session.fetch_token(
                    _address(found, "token_endpoint"),
                    code=code,
                    code_verifier=attempt.verifier,
                    timeout=_TIMEOUT_SECONDS,
                )
                keys = _fetched(session, _address(found, "jwks_uri"))
            except Refused:
                raise
            except Exception as e:
                # requests and Authlib raise what they like, also for answers that are no JSON.
                raise Refused(f"{self.name} did not confirm the login: {one_line(e)}", 502) from e
        claims = self._claims(token.get("id_token"), keys, attempt)
        name = claims.get("name") or claims.get("preferred_username")
        return Identity(self.issuer, claims["sub"], name if isinstance(name, str) else "")

    def _session(self, redirect: str) -> tuple[Any, Mapping[str, Any]]:
        """Returns a client of the provider, and what the provider says of itself."""
        from authlib.integrations.requests_client import OAuth2Session

        session = OAuth2Session(
            self.client_id,
            self.secret,
            scope="openid profile",
            redirect_uri=redirect,
            code_challenge_method="S256",
            token_endpoint_auth_method="none" if self.secret is None else "client_secret_basic",
        )
        try:
            return session, self._said(session)
        except Refused:
            session.close()
            raise

    def _said(self, session: Any) -> Mapping[str, Any]:
        """Returns what the provider says of itself, or has said some minutes ago."""
        place = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        until, found = self._kept.get(place, (self.now(), {}))
        if self.now() < until:
            return found
        try:
            found = _fetched(session, place)
        except Exception as e:
            raise Refused(f"{self.name} cannot be reached: {one_line(e)}", 502) from e
        if found.get("issuer") != self.issuer:
            theirs = shown(found.get("issuer"), most=200)
            raise Refused(
                f"{self.name} calls itself {theirs}, not {self.issuer!r}: tell the organisers, "
                "who mend --oidc_issuer",
                502,
            )
        self._kept[place] = self.now() + _KEPT_SECONDS, found
        return found

    def _claims(self, text: Any, keys: Mapping[str, Any], attempt: Attempt) -> Mapping[str, Any]:
        """Returns what the provider's token says: signed by it, for us, now, for this browser."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        checks = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.client_id},
            sub={"essential": True},
            exp={"essential": True},
            nonce={"essential": True, "value": attempt.nonce},
        )
        try:
            signing = [key for key in keys["keys"] if key.get("use", "sig") == "sig"]
            token = jwt.decode(text, KeySet.import_key_set({"keys": signing}), [*_ALGORITHMS])
            checks.validate(token.claims)
            audience = token.claims["aud"]
            several = isinstance(audience, list) and len(audience) > 1
            if token.claims.get("azp", self.client_id) != self.client_id or (
                several and "azp" not in token.claims
            ):
                raise ValueError("it is for another service")
            if not isinstance(token.claims["sub"], str) or not token.claims["sub"]:
                raise ValueError("it names nobody")
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as e:
            raise Refused(
                f"the token of {self.name} is not valid ({one_line(e)}): log in again", 403
            ) from e
        return token.claims


def _fetched(session: Any, place: str) -> Mapping[str, Any]:
    reply = session.get(place, timeout=_TIMEOUT_SECONDS, withhold_token=True, allow_redirects=False)
    reply.raise_for_status()
    values = reply.json()
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    return values


def _address(found: Mapping[str, Any], name: str) -> str:
    address = found.get(name)
    if not isinstance(address, str):
        raise Refused(f"the provider names no {name}: tell the organisers", 502)
    return _check_secure(address)


def _check_secure(address: str) -> str:
    """Returns an address over TLS, or on this machine.

    Raises:
        Refused: If it is another one.
    """
    try:
        parts = urlsplit(address)
    except ValueError as e:
        raise Refused(f"{shown(address)}: is no address: {one_line(e)}", 502) from e
    near = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (near and parts.scheme == "http"):
        raise Refused(f"{address}: expected an address that begins with https://", 502)
    return address
