"""The process of the gateway, as `switchboard up` starts it: `python -m pipelines.gateway_process`."""

from __future__ import annotations

from gateway.app import serve
from pipelines.services.gateway import gateway_config
from pipelines.settings import load_settings


def main() -> None:
    """Serve as the settings say, until SIGTERM."""
    serve(gateway_config(load_settings()))


if __name__ == "__main__":
    main()
