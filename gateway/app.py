"""The gateway as one application: stateless, so that any number of them may run beside each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn
from fastapi import FastAPI, HTTPException, Request, status

from gateway import fastagi, lookups, routes, soap
from gateway.answers import Answers
from gateway.config import GatewayConfig
from gateway.doors import has_token


def make_app(config: GatewayConfig) -> FastAPI:
    """Return the application; the database is first asked when it starts."""
    answers = Answers(config)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(answers.opened())
            if config.agi_port:
                await stack.enter_async_context(fastagi.serving(answers, config))
            yield

    app = FastAPI(
        title="Switchboard",
        summary="Who should answer a call, for PBXs and other programs.",
        version="1",
        lifespan=lifespan,
        # The description is served below, behind the token as everything else.
        openapi_url=None,
    )
    for module in (routes, lookups, soap):
        app.include_router(module.make_router(answers, config))

    def check(request: Request) -> None:
        if not has_token(request, config):
            raise HTTPException(
                status.HTTP_401_UNAUTHORIZED, "A token is needed.", headers={"WWW-Authenticate": "Bearer"}
            )

    @app.get("/openapi.json", include_in_schema=False)
    def openapi(request: Request) -> dict[str, object]:
        check(request)
        return app.openapi()

    return app


def serve(config: GatewayConfig) -> None:
    """Serve until SIGTERM or SIGINT. Requests are not logged: their addresses hold numbers."""
    uvicorn.run(
        make_app(config),
        host=config.host,
        port=config.port,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        log_level="warning",
    )
