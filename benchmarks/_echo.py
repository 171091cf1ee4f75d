"""A bare event stream: says whatever comes over one Redis subscription to every reader; its page puts rows in place."""

import asyncio
import os

from redis import asyncio as aredis

CHANNEL = "bench:echo"
PAGE = (
    "<!doctype html><meta charset=utf-8><table id=list><tbody>{rows}</tbody></table><script>"
    "new EventSource('/events').onmessage = e => {{ const said = JSON.parse(e.data);"
    " const leaf = document.createElement('template'); leaf.innerHTML = said.row;"
    " document.querySelector(`[data-row='order:${{said.id}}']`).replaceWith(leaf.content); }};</script>"
)


class Echo:
    def __init__(self):
        self.task = None
        self.readers: set[asyncio.Queue] = set()

    async def listen(self) -> None:
        client = aredis.from_url(os.environ["REDIS_URL"])
        async with client.pubsub() as subscription:
            await subscription.subscribe(CHANNEL)
            async for message in subscription.listen():
                if message["type"] == "message":
                    line = b"data: %s\n\n" % message["data"]
                    for queue in self.readers:
                        queue.put_nowait(line)


echo = Echo()


async def application(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        return
    events = scope["path"] == "/events"
    kind = b"text/event-stream" if events else b"text/html"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    if not events:
        ids = scope["query_string"].decode().split(",")
        rows = "".join(f"<tr data-row='order:{pk}'><td>{pk}</td></tr>" for pk in ids)
        await send({"type": "http.response.body", "body": PAGE.format(rows=rows).encode()})
        return
    if echo.task is None:
        echo.task = asyncio.create_task(echo.listen())
    queue: asyncio.Queue = asyncio.Queue()
    echo.readers.add(queue)
    try:
        await send({"type": "http.response.body", "body": b": hello\n\n", "more_body": True})
        while True:
            await send({"type": "http.response.body", "body": await queue.get(), "more_body": True})
    finally:
        echo.readers.discard(queue)
