"""Processes that a benchmark talks to: a free port, and the wait until somebody answers there."""

from __future__ import annotations

import socket
import time

import httpx


def free_port() -> int:
    """Return a port of loopback on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_gateway(port: int) -> None:
    """Wait until a gateway answers.

    Raises:
        TimeoutError: it does not.
    """
    for _ in range(200):
        try:
            httpx.get(f"http://127.0.0.1:{port}/v1/health", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the gateway does not answer")
