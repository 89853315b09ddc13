"""How often somebody may ask: a bucket for each token, and one for what fails to sign in from an address.

Each process counts by itself, at once and without asking anybody. What it counted it tells the queue's server twice a
second and hears there what the others did, so that a limit holds for all processes together to within that. While the
server is away each process goes on with what it knows: nobody gets in free, and nobody is locked out.

A bucket is the instant at which it will be full again (GCRA): a request moves that on by its share.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from math import ceil
from typing import Final

from redis.asyncio import Redis

from monitoring.refusals import TooFast

FAILED_PER_MIN: Final = 30
FAILED_BURST: Final = 100
"""Sign-ins that fail, from one address. The design's own: a hospital behind one address mistypes less often, and no
token of 256 bits is guessed at that rate."""
SECOND_NS: Final = 1_000_000_000
MS_NS: Final = 1_000_000
SHARED_FROM: Final = 0.1
"""Of a bucket used, from when on other processes are told: most devices never come so far."""
SHARED_MAX: Final = 1000
"""Buckets told at once."""
IPV6_PREFIX: Final = 64
"""What one household or attacker has of addresses."""

_TELL: Final = """
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local ahead = {}
for place, key in ipairs(KEYS) do
    local full_at = math.max(tonumber(redis.call('GET', key) or 0), now_ms) + tonumber(ARGV[place])
    redis.call('SET', key, full_at, 'PX', math.max(1, full_at - now_ms))
    ahead[place] = full_at - now_ms
end
return ahead
"""


class Buckets:
    """The buckets of one kind, by key. `now_ns` is of any one clock that only goes forward."""

    def __init__(self, name: str, per_s: float, burst: int) -> None:
        self._name = name
        self._share_ns = round(SECOND_NS / per_s)  # of one request
        self._whole_ns = self._share_ns * burst
        self._full_at_ns: dict[bytes, int] = {}
        self._untold: dict[bytes, int] = {}  # requests since others were told of them

    def wait_s(self, key: bytes, now_ns: int) -> int:
        """How long until there is room for one more, 0 for none. Takes nothing."""
        over_ns = max(self._full_at_ns.get(key, 0), now_ns) + self._share_ns - now_ns - self._whole_ns
        return -(-over_ns // SECOND_NS) if over_ns > 0 else 0

    def take(self, key: bytes, now_ns: int) -> int:
        """Take one; where there is no room, how long until there is, and then nothing is taken."""
        if wait_s := self.wait_s(key, now_ns):
            return wait_s
        self._full_at_ns[key] = max(self._full_at_ns.get(key, 0), now_ns) + self._share_ns
        self._untold[key] = self._untold.get(key, 0) + 1
        return 0

    async def share(self, queue: Redis, now_ns: int) -> None:
        """Tell what was taken here of buckets well used, and hear what was elsewhere. Raises redis errors."""
        self._full_at_ns = {key: full_at_ns for key, full_at_ns in self._full_at_ns.items() if full_at_ns > now_ns}
        self._untold = {key: taken for key, taken in self._untold.items() if key in self._full_at_ns}
        used_ns = self._whole_ns * SHARED_FROM
        told = [one for one in self._untold.items() if self._full_at_ns[one[0]] - now_ns >= used_ns][:SHARED_MAX]
        if not told:
            return
        names = [f"rate:{self._name}:".encode() + key for key, _ in told]
        taken_ms = [ceil(taken * self._share_ns / MS_NS) for _, taken in told]
        ahead_ms: Iterable[int] = await queue.eval(_TELL, len(told), *names, *taken_ms)
        for (key, taken), ahead in zip(told, ahead_ms, strict=True):
            self._full_at_ns[key] = max(self._full_at_ns.get(key, 0), now_ns + ahead * MS_NS)
            self._untold[key] = self._untold.get(key, 0) - taken  # more may have been taken meanwhile


@dataclass(frozen=True, slots=True)
class Rates:
    """What one process counts: requests by token, and failed sign-ins by address."""

    requests: Buckets
    failures: Buckets

    @classmethod
    def of(cls, per_s: float, burst: int) -> "Rates":
        """With the rates that a token may ask at."""
        return cls(Buckets("token", per_s, burst), Buckets("failed", FAILED_PER_MIN / 60, FAILED_BURST))

    def admit(self, token: bytes, now_ns: int) -> None:
        """Count a request. Raises TooFast."""
        if wait_s := self.requests.take(token, now_ns):
            raise TooFast("This token asks too often.", wait_s)

    def refuse_guessing(self, network: bytes, now_ns: int) -> None:
        """Raise TooFast where too many sign-ins from there failed: what is not known is not even looked up."""
        if wait_s := self.failures.wait_s(network, now_ns):
            raise TooFast("Too many attempts to sign in failed from this address.", wait_s)

    async def share(self, queue: Redis, now_ns: int) -> None:
        """Tell other processes and hear them. Raises redis errors."""
        await self.requests.share(queue, now_ns)
        await self.failures.share(queue, now_ns)


def network_of(address: str) -> bytes:
    """What an address is counted under: itself, or the network of an IPv6 one."""
    try:
        found = ip_address(address)
    except ValueError:  # a socket without one
        return b"?"
    return str(found if found.version == 4 else ip_network((found, IPV6_PREFIX), strict=False)).encode()
