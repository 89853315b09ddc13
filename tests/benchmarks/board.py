"""The board of a ward of 100 patients: its first byte, all of it, until it is live, and its weight with its assets."""

import http.client
import re
import time
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from monitoring.clock import utc_now
from monitoring.pages.rendering import ASSETS
from tests.benchmarks import browser
from tests.benchmarks.figures import BenchmarkError, Figure, Target, share
from tests.benchmarks.measure import Bench
from tests.benchmarks.posting import DRAIN_S_MAX, ROUTE
from tests.benchmarks.seeding import FIRST_KEY, PATIENTS_PER_WARD, add_staff, forget, token_of
from tests.benchmarks.up import Up
from tests.ward import SICK, WELL

FIRST_BYTE_MS: Final = Target(must=50, aim=30)
WHOLE_MS: Final = Target(must=100, aim=50)
LIVE_MS: Final = Target(must=300, aim=150)
WEIGHT_KB: Final = Target(must=100, aim=60)
PATIENTS: Final = 2 * PATIENTS_PER_WARD
SETS: Final = 4  # a day's
SICK_ONE_IN: Final = 10
LOOKS: Final = 60
OPENINGS: Final = 20
ROW: Final = b"<th scope=row>"


def take(bench: Bench) -> list[Figure]:
    """Two wards made one, a day's readings for everybody, and a clinician who opens the board again and again."""
    with bench.house.open() as up:
        token = add_staff(up, "clinician")
        with up.owner() as connection:
            forget(connection, utc_now())
        ward, numbers = one_ward(up)
        bench.say(f"{PATIENTS} patients on {ward}, {LOOKS} looks")
        post_a_day(up, numbers)
        up.wait_until_drained(DRAIN_S_MAX)
        first_ms, whole_ms, page = _looks(up, f"/wards/{ward}", token)
        live_ms = _openings(up, f"/wards/{ward}", token)
    if page.count(ROW) != PATIENTS:
        raise BenchmarkError(f"the board shows {page.count(ROW)} of {PATIENTS} patients")
    loads = re.findall(r'(?:src|href)="/assets/([^"]+)"', page.decode())
    assets = sum((ASSETS / name).stat().st_size for name in loads)
    beside = f"{LOOKS} looks at {PATIENTS} patients, one in {SICK_ONE_IN} with an alert"
    return [
        Figure("board's first byte, p50", share(first_ms, 50), "ms", FIRST_BYTE_MS, beside),
        Figure("board's first byte, p99", share(first_ms, 99), "ms", None, f"longest {max(first_ms):.0f} ms"),
        Figure("board whole, p50", share(whole_ms, 50), "ms", WHOLE_MS, "the page alone, without what it loads"),
        Figure("board complete and live, p50", share(live_ms, 50), "ms", LIVE_MS,
               f"in a Chromium, from asking for it until it says that it is live; longest {max(live_ms):.0f} ms"),
        Figure("board's HTML, styles and scripts", (len(page) + assets) / 1000, "kB", WEIGHT_KB,
               f"uncompressed; styles and scripts {assets / 1000:.0f} kB"),
    ]  # fmt: skip


def one_ward(up: Up) -> tuple[str, list[int]]:
    """Two full wards of one pathway made one: its code, and the numbers of its patients."""
    with up.owner() as connection, connection.transaction():
        rows = connection.execute(_FULL, {"first": FIRST_KEY, "full": PATIENTS_PER_WARD}).fetchall()
        if len(rows) < 2:
            raise BenchmarkError("there are no two full wards of one pathway")
        (code, into), (_, gone) = rows[:2]
        for table in ("episode", "ward_stay"):
            connection.execute(
                f"UPDATE {table} SET ward_id = %s WHERE ward_id = %s AND id >= %s", (into, gone, FIRST_KEY)
            )
        connection.execute("UPDATE episode SET ward_id = %s WHERE ward_id = %s AND id < %s", (gone, into, FIRST_KEY))
        keys = connection.execute("SELECT id FROM episode WHERE ward_id = %s AND discharged_at IS NULL", (into,))
        return code, [key - FIRST_KEY for (key,) in keys]


_FULL: Final = """
SELECT ward.code, ward.id FROM ward
WHERE (SELECT count(*) FROM episode WHERE ward_id = ward.id AND id >= %(first)s) = %(full)s
ORDER BY ward.pathway, ward.code LIMIT 2
"""


def post_a_day(up: Up, numbers: list[int]) -> None:
    """A day's sets of everybody; one in ten is sick."""
    now = utc_now()
    with httpx.Client(base_url=up.url) as client:
        for place, number in enumerate(numbers):
            vitals = WELL if place % SICK_ONE_IN else SICK
            ages = [timedelta(hours=24 * one / SETS) for one in range(SETS)]
            sets = [{"id": f"board-{one}", "taken_at": now - age, **vitals} for one, age in enumerate(ages)]
            headers = {"Authorization": f"Bearer {token_of(number)}", "Content-Type": "application/json"}
            answer = client.post(ROUTE, content=msgspec.json.encode(sets), headers=headers)
            if answer.status_code != 202:
                raise BenchmarkError(f"a day's sets were answered {answer.status_code}")


def _looks(up: Up, path: str, token: str) -> tuple[list[float], list[float], bytes]:
    """Milliseconds until the first byte and until the last, of each look but the first; and the page."""
    connection = http.client.HTTPConnection(urlsplit(up.url).netloc, timeout=30)
    first_ms, whole_ms, page = [], [], b""
    for _ in range(LOOKS + 1):
        began_s = time.monotonic()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        first_ms.append(1000 * (time.monotonic() - began_s))
        page = answer.read()
        whole_ms.append(1000 * (time.monotonic() - began_s))
        if answer.status != 200:
            raise BenchmarkError(f"the board answered {answer.status}")
    connection.close()
    return first_ms[1:], whole_ms[1:], page  # the first one makes the template ready


def _openings(up: Up, path: str, token: str) -> list[float]:
    """Milliseconds until a real page is live, of each opening but the first."""
    found_ms: list[float] = []
    with browser.opened(up.url, token) as page:
        page.add_init_script(_WHEN_LIVE)
        for _ in range(OPENINGS + 1):
            page.goto(path)
            page.wait_for_function("() => window.liveMs")
            found_ms.append(page.evaluate("() => window.liveMs"))
    return found_ms[1:]


_WHEN_LIVE: Final = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("#link.on")) return;
  observer.disconnect();
  window.liveMs = performance.now();  // since the page was asked for
}).observe(document, {subtree: true, childList: true, attributes: true});
"""
