"""What many ask for in the same moment: made once, never before any of them asked."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from monitoring.shared import Shared


class Maker:
    """Makes pictures that are numbered, each when it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self.let = asyncio.Event()

    async def make(self, _: bytes | None) -> bytes:
        """The next picture; a refusal where its number is 13."""
        self.begun += 1
        mine = self.begun
        await self.let.wait()
        if mine == 13:
            raise LookupError("gone")
        return b"%d" % mine

    async def until_begun(self, count: int) -> None:
        """Let others run until so many were begun."""
        while self.begun < count:
            await asyncio.sleep(0)


def run(story: Callable[[Shared[bytes], Maker], Awaitable[None]]) -> None:
    """A story in an event loop of its own."""

    async def tell() -> None:
        await asyncio.wait_for(story(Shared(), Maker()), 10)

    asyncio.run(tell())


def test_who_asks_while_a_picture_is_made_shares_the_next_one_with_all_who_do() -> None:
    async def story(shared: Shared[bytes], maker: Maker) -> None:
        first = asyncio.create_task(shared.get("ward", maker.make))
        await maker.until_begun(1)
        late = [asyncio.create_task(shared.get("ward", maker.make)) for _ in range(200)]
        maker.let.set()
        assert await first == b"1"
        assert set(await asyncio.gather(*late)) == {b"2"}, "begun after they asked, and once"

    run(story)


def test_what_is_of_something_else_is_not_shared_and_does_not_wait() -> None:
    async def story(shared: Shared[bytes], maker: Maker) -> None:
        both = [asyncio.create_task(shared.get(ward, maker.make)) for ward in ("one", "other")]
        await maker.until_begun(2)
        maker.let.set()
        assert set(await asyncio.gather(*both)) == {b"1", b"2"}

    run(story)


def test_who_goes_away_takes_the_picture_from_nobody_and_a_failure_is_told_to_those_it_was_made_for_alone() -> None:
    async def story(shared: Shared[bytes], maker: Maker) -> None:
        goes = asyncio.create_task(shared.get("ward", maker.make))
        stays = asyncio.create_task(shared.get("ward", maker.make))
        await maker.until_begun(1)
        goes.cancel()
        maker.begun = 12
        unlucky = [asyncio.create_task(shared.get("ward", maker.make)) for _ in range(2)]
        await asyncio.sleep(0)
        maker.let.set()
        assert await stays == b"1"
        for one in unlucky:
            with pytest.raises(LookupError):
                await one
        assert await shared.get("ward", maker.make) == b"14"

    run(story)
