"""An answer cut off in its middle, as every simulated server can give one."""

from __future__ import annotations

from starlette.types import Message, Send


def cutting(send: Send) -> Send:
    """Promise the whole body and close the connection after half of it."""

    async def cut(message: Message) -> None:
        if message["type"] == "http.response.body" and message.get("body"):
            body: bytes = message["body"]
            await send({**message, "body": body[: len(body) // 2], "more_body": True})
            raise ConnectionResetError("the simulated fault 'cut' ends the answer here")
        await send(message)

    return cut
