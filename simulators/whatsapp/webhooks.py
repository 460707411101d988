"""Webhooks: what is to be told waits here, is posted signed, and posted again until it is answered with 200."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import random
import secrets
from collections import deque
from dataclasses import dataclass, field

import httpx

from simulators.whatsapp.bodies import LARGEST_BYTES, MOST_UPDATES, Layout, body_of, signature_of
from simulators.whatsapp.faults import OF_WEBHOOKS, FaultKind, Faults
from simulators.whatsapp.truth import Update, UpdateState

REMEMBERED_POSTS = 200_000


@dataclass
class Retries:
    """How a webhook that was not answered with 200 is repeated: faster than Meta's minutes and days.

    Attributes:
        first_seconds: until the first repetition.
        longest_seconds: between two, each wait being twice the one before.
        give_up_seconds: after which the update is lost for good.
        timeout_seconds: how long an answer may take.
    """

    first_seconds: float = 0.1
    longest_seconds: float = 2.0
    give_up_seconds: float = 120.0
    timeout_seconds: float = 5.0

    def wait_seconds(self, attempts: int) -> float:
        """Return how long to wait after so many attempts."""
        return min(self.longest_seconds, self.first_seconds * 2.0 ** min(attempts - 1, 30))


@dataclass
class Chaos:
    """What happens to webhooks on their way, by chance.

    Attributes:
        loss: share of posts that are lost; they are repeated as after any failure.
        duplicate: share of posts that come twice.
        delay_seconds: each update waits so long.
        shuffle_seconds: each update waits up to so long besides, and so does a duplicate.
        batch: most updates in a post, their number and layout are left to chance.
        is_loss_for_good: never repeat what was lost.
        chance: of all this.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    delay_seconds: float = 0.0
    shuffle_seconds: float = 0.0
    batch: int = 1
    is_loss_for_good: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(1))


@dataclass(eq=False)
class Parcel:
    """Updates on their way together; the body is made at the first attempt, and stays byte for byte the same."""

    updates: list[Update]
    body: bytes = b""
    attempts: int = 0
    first_at: float = 0.0
    is_repetition: bool = False


@dataclass(frozen=True)
class Post:
    """One attempt: its body and header, and the HTTP status of the answer; None where none came."""

    body: bytes
    signature: str | None
    status: int | None
    updates: tuple[Update, ...]


class Webhooks:
    """Tells updates to the subscriber, from the moment it is verified.

    Attributes:
        url: of the subscriber; changing it asks for another verification.
        posts: all attempts that left us.
        batch: most updates in one post.
    """

    def __init__(
        self,
        *,
        waba_id: str,
        metadata: dict[str, str],
        app_secret: str,
        verify_token: str,
        faults: Faults,
        retries: Retries,
        parallel: int,
        batch: int,
    ) -> None:
        self.url = ""
        self.is_verified = False
        self.app_secret, self.verify_token = app_secret, verify_token
        self.retries, self.batch = retries, batch
        self.chaos = Chaos()
        self.posts: deque[Post] = deque(maxlen=REMEMBERED_POSTS)
        self._waba_id, self._metadata, self._faults = waba_id, metadata, faults
        self._parallel = parallel
        self._waiting: list[tuple[float, int, Parcel]] = []
        self._serial = 0
        self._in_flight = 0
        self._changed = asyncio.Event()

    @property
    def backlog(self) -> int:
        """How many posts wait or are on their way, those that lie ahead included."""
        return len(self._waiting) + self._in_flight

    def tell(self, update: Update, after_seconds: float = 0.0) -> None:
        """Put an update on its way."""
        shuffled = self.chaos.chance.uniform(0, self.chaos.shuffle_seconds)
        self._put(Parcel([update]), after_seconds + self.chaos.delay_seconds + shuffled)

    def post_again(self, how_many: int) -> int:
        """Post the last so many acknowledged bodies once more, as if they were days old; return how many."""
        acknowledged = [post for post in self.posts if post.status == 200][-how_many:]
        for post in acknowledged:
            self._put(Parcel(list(post.updates), post.body, is_repetition=True), 0.0)
        return len(acknowledged)

    async def verify(self, token: str | None = None) -> bool:
        """Ask the subscriber to prove itself; it is told nothing until it has."""
        challenge = str(secrets.randbelow(10**10))
        asked = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": token or self.verify_token}
        async with httpx.AsyncClient(timeout=self.retries.timeout_seconds) as client:
            try:
                answer = await client.get(self.url, params=asked)
            except httpx.HTTPError:
                return False
        is_proven = answer.status_code == 200 and answer.text == challenge
        self.is_verified = self.is_verified or is_proven
        self._changed.set()
        return is_proven

    async def run(self) -> None:
        """Post what is due, until cancelled."""
        loop = asyncio.get_running_loop()
        limits = httpx.Limits(max_connections=self._parallel, max_keepalive_connections=self._parallel)
        posting: set[asyncio.Task[None]] = set()
        async with httpx.AsyncClient(timeout=self.retries.timeout_seconds, limits=limits) as client:
            try:
                while True:
                    self._changed.clear()
                    due_in = self._waiting[0][0] - loop.time() if self._waiting and self.is_verified else None
                    if due_in is None or due_in > 0 or self._in_flight >= self._parallel:
                        is_full = self._in_flight >= self._parallel
                        # `wait_for` would lose a cancellation that comes together with a change.
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(None if is_full else due_in):
                                await self._changed.wait()
                        continue
                    self._in_flight += 1
                    task = asyncio.create_task(self._deliver(client, self._due(loop.time())))
                    posting.add(task)
                    task.add_done_callback(posting.discard)
            finally:
                for task in posting:
                    task.cancel()
                await asyncio.gather(*posting, return_exceptions=True)

    def _put(self, parcel: Parcel, after_seconds: float) -> None:
        self._serial += 1
        heapq.heappush(self._waiting, (asyncio.get_running_loop().time() + after_seconds, self._serial, parcel))
        self._changed.set()

    def _due(self, now: float) -> Parcel:
        """Take what is due: one parcel that has its body, or fresh ones together."""
        parcel = heapq.heappop(self._waiting)[2]
        most = self.chaos.chance.randint(1, self.chaos.batch) if self.chaos.batch > 1 else self.batch
        while (
            not parcel.body
            and len(parcel.updates) < min(most, MOST_UPDATES)
            and self._waiting
            and self._waiting[0][0] <= now
            and not self._waiting[0][2].body
        ):
            parcel.updates += heapq.heappop(self._waiting)[2].updates
        return parcel

    async def _deliver(self, client: httpx.AsyncClient, parcel: Parcel) -> None:
        try:
            loop = asyncio.get_running_loop()
            if not parcel.body:
                self._pack(parcel)
            parcel.first_at = parcel.first_at or loop.time()
            parcel.attempts += 1
            if parcel.attempts == 1 and not parcel.is_repetition:
                self._double(parcel)
            is_lost = self.chaos.chance.random() < self.chaos.loss
            if not is_lost and await self._post(client, parcel) == 200:
                self._acknowledged(parcel)
            elif not parcel.is_repetition:
                is_given_up = loop.time() - parcel.first_at > self.retries.give_up_seconds
                self._failed(parcel, is_for_good=is_given_up or (is_lost and self.chaos.is_loss_for_good))
        finally:
            self._in_flight -= 1
            self._changed.set()

    def _pack(self, parcel: Parcel) -> None:
        layout = self.chaos.chance.choice(list(Layout)) if self.chaos.batch > 1 else Layout.together
        while True:
            parcel.body = body_of(parcel.updates, self._waba_id, self._metadata, layout)
            if len(parcel.body) <= LARGEST_BYTES or len(parcel.updates) == 1:
                return
            half = len(parcel.updates) // 2
            self._put(Parcel(parcel.updates[half:]), 0.0)
            parcel.updates = parcel.updates[:half]

    def _double(self, parcel: Parcel) -> None:
        # Before the first attempt, so that both may come in the same instant, or the second first.
        if self.chaos.chance.random() < self.chaos.duplicate:
            repetition = Parcel(parcel.updates, parcel.body, is_repetition=True)
            self._put(repetition, self.chaos.chance.uniform(0, self.chaos.shuffle_seconds))

    def _acknowledged(self, parcel: Parcel) -> None:
        for update in parcel.updates:
            update.state = UpdateState.delivered
            update.deliveries += 1

    def _failed(self, parcel: Parcel, *, is_for_good: bool) -> None:
        for update in parcel.updates:
            if update.state is not UpdateState.delivered:
                update.state = UpdateState.failed if is_for_good else UpdateState.retrying
        if is_for_good:
            return
        wait_seconds = self.retries.wait_seconds(parcel.attempts)
        if len(parcel.updates) > 1 and self.chaos.batch > 1 and self.chaos.chance.random() < 0.5:
            # Meta repeats a body as it was, or puts its updates into others.
            for update in parcel.updates:
                self._put(Parcel([update], b"", parcel.attempts, parcel.first_at), wait_seconds)
        else:
            self._put(parcel, wait_seconds)

    async def _post(self, client: httpx.AsyncClient, parcel: Parcel) -> int | None:
        body = parcel.body
        signature: str | None = signature_of(body, self.app_secret)
        fault = self._faults.meet(OF_WEBHOOKS)
        if fault and fault.kind is FaultKind.unsigned:
            signature = None
        elif fault and fault.kind is FaultKind.missigned:
            signature = signature_of(body, self.app_secret + "?")
        elif fault:
            body = body.replace(b"whatsapp", b"WhatsApp", 1)
        headers = {"Content-Type": "application/json", "User-Agent": "facebookexternalua"}
        if signature:
            headers["X-Hub-Signature-256"] = signature
        try:
            status: int | None = (await client.post(self.url, content=body, headers=headers)).status_code
        except httpx.HTTPError:
            status = None
        self.posts.append(Post(body, signature, status, tuple(parcel.updates)))
        return status
