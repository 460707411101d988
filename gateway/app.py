"""The gateway as one application: all it keeps is in the warehouse, so that any number of them may run together."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from gateway import events, fastagi, login, lookups, messenger_door, metrics, openapi, pages, routes, soap
from gateway.answers import Answers
from gateway.card import Cards
from gateway.chat_hints import ChatHints
from gateway.chats import Chats
from gateway.config import GatewayConfig
from gateway.database import Database
from gateway.dial_plans import DialPlans
from gateway.headers import PageHeaders
from gateway.journal.routes import JournalPages
from gateway.live import Live
from gateway.messenger_work import MessengerWork
from gateway.people import People


def make_app(config: GatewayConfig) -> Starlette:
    """Return the application; the database is first asked when it starts.

    `app.state.streams` end when told to: whoever serves the application ends them before it waits for open answers.
    """
    database = Database(config)
    answers = Answers(database, config)
    people = People(database, config)
    live = Live(database)
    webhooks = events.Webhooks(database, answers, config)
    hints = ChatHints(database)
    messenger_work = MessengerWork(database, config.messengers, config)
    journal = JournalPages(people, config)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(database.opened())
            await stack.enter_async_context(live.running())
            await stack.enter_async_context(hints.running())
            await stack.enter_async_context(messenger_work.running())
            await stack.enter_async_context(journal.running())
            if config.agi_port:
                await stack.enter_async_context(fastagi.serving(answers, DialPlans(database), config))
            yield

    app = Starlette(
        routes=[
            *routes.make_routes(answers, config),
            *lookups.make_routes(answers, config),
            *soap.make_routes(answers, config, webhooks),
            *openapi.make_routes(config),
            *events.make_routes(database, answers, live, webhooks, config),
            *metrics.make_routes(database, config),
            *messenger_door.make_routes(database, config),
            *Cards(database, answers, live, people, config).routes(),
            *Chats(database, hints, people, config).routes(),
            *journal.routes(),
            *login.make_routes(people, config, pages.login_page),
            *pages.make_routes(people, config),
        ],
        middleware=[Middleware(PageHeaders, config=config)],
        lifespan=lifespan,
    )
    app.state.streams = (live, hints)
    return app


class GatewayServer(uvicorn.Server):
    """A server that ends streams first when it is told to end: they would never end by themselves."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then wait for the other answers."""
        app = self.config.app
        assert isinstance(app, Starlette)
        for streams in app.state.streams:
            streams.end()
        await super().shutdown(sockets)


def serve(config: GatewayConfig) -> None:
    """Serve until SIGTERM or SIGINT. Requests are not logged: their addresses hold numbers."""
    server = GatewayServer(
        uvicorn.Config(
            make_app(config),
            host=config.host,
            port=config.port,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
            log_level="warning",
        )
    )
    server.run()
    if not server.started:
        sys.exit(3)
