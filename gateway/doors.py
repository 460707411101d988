"""Who may ask, and how much: bearer tokens, Basic passwords, the length of bodies and numbers."""

from __future__ import annotations

import base64
import binascii
import hmac
from ipaddress import ip_address

from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.config import GatewayConfig

LARGEST_BODY_BYTES = 64 * 1024

LONGEST_NUMBER = 64


def check_token(request: Request, config: GatewayConfig) -> None:
    """Let a request with the token in.

    Raises:
        HTTPException: 401, it has none, or a wrong one.
    """
    if not has_token(request, config):
        raise HTTPException(401, "A token is needed.", headers={"WWW-Authenticate": "Bearer"})


def number_of(request: Request, *, is_needed: bool = True) -> str:
    """Return the number a request asks for.

    Raises:
        HTTPException: 422, it is missing or too long.
    """
    number = request.query_params.get("number", "")
    if (is_needed and not number) or len(number) > LONGEST_NUMBER:
        raise HTTPException(422, f"'number' must have 1 to {LONGEST_NUMBER} characters.")
    return number


def has_token(request: Request, config: GatewayConfig) -> bool:
    """Tell whether a request bears the token, as a header or as `?token=`."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    token = given.strip() if scheme.lower() == "bearer" else request.query_params.get("token", "")
    return is_same(token, config.api_token)


def is_local(request: Request) -> bool:
    """Tell whether a request comes from this machine, by no proxy."""
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    return ip_address(request.client.host).is_loopback


def has_password(request: Request, config: GatewayConfig) -> bool:
    """Tell whether a request bears the login and password of SOAP, in UTF-8 as 1C and MikoPBX write them."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        login, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    # Both are compared, whatever the first says: the time taken tells nothing.
    return is_same(login, config.soap_login) & is_same(password, config.soap_password)


def is_same(given: str, wanted: str) -> bool:
    """Compare secrets in constant time; an empty one opens nothing."""
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())


async def body_of(request: Request, largest_bytes: int = LARGEST_BODY_BYTES) -> bytes:
    """Read a body, but no more than may be.

    Raises:
        HTTPException: 413, it is larger; the rest is not read.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > largest_bytes:
            raise HTTPException(
                413,
                f"The body is larger than {largest_bytes} bytes.",
                headers={"Connection": "close"},
            )
    return bytes(body)
