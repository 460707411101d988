"""The gateway as one application: stateless, so that any number of them may run beside each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from gateway import fastagi, lookups, routes, soap
from gateway.answers import Answers
from gateway.config import GatewayConfig


def make_app(config: GatewayConfig) -> Starlette:
    """Return the application; the database is first asked when it starts."""
    answers = Answers(config)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(answers.opened())
            if config.agi_port:
                await stack.enter_async_context(fastagi.serving(answers, config))
            yield

    made = [module.make_routes(answers, config) for module in (routes, lookups, soap)]
    return Starlette(routes=[route for some in made for route in some], lifespan=lifespan)


def serve(config: GatewayConfig) -> None:
    """Serve until SIGTERM or SIGINT. Requests are not logged: their addresses hold numbers."""
    uvicorn.run(
        make_app(config),
        host=config.host,
        port=config.port,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        log_level="warning",
    )
