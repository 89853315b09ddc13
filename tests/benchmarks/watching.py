"""200 who watch one ward while 300 sets a second come in: from a sick patient's POST to the board, and the way in.

200 real browsers do not fit beside the servers on two cores: they watch as HTTP clients that do what the page does.
What a pixel takes on top is measured in a real one beside them.
"""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import httpx
from playwright.sync_api import Error, Page

from alert_rules.severity import Severity
from monitoring.clock import utc_now
from tests.benchmarks import browser, wrk
from tests.benchmarks.board import one_ward, post_a_day
from tests.benchmarks.crowd import PICTURE, Crowd, watching
from tests.benchmarks.figures import BenchmarkError, Figure, Target, share
from tests.benchmarks.live import body_of, public_ids
from tests.benchmarks.measure import Bench
from tests.benchmarks.posting import DRAIN_S_MAX, ROUTE
from tests.benchmarks.seeding import add_staff, forget, token_of
from tests.benchmarks.up import UNHURRIED, Up
from tests.ward import VERY_SICK, WELL

PIXEL_MS: Final = Target(must=500, aim=250)
WAY_IN_SHARE: Final = Target(must=0.8, aim=0.9)
LOOK_MS: Final = Target(must=2, aim=0.5)
LOOKS_S: Final = 8
WATCHERS: Final = 200
BACKGROUND_PER_S: Final = 300
SICK: Final = 40
SICK_PER_S: Final = 2
POSTS_TIMES: Final = 3
"""Of what is posted elsewhere: screens look again every four seconds, and every time is to have as many of these."""
WARM_S: Final = 5.0
AFTER_S: Final = 15.0

_OBSERVE: Final = """
() => {
  window.drawn = {};
  const look = () => {
    for (const chip of document.querySelectorAll("#live a.chip")) {
      const alert = chip.getAttribute("href").slice("/alerts/".length);
      if (alert in drawn) continue;
      drawn[alert] = 0;
      requestAnimationFrame(() => requestAnimationFrame(() => { drawn[alert] = Date.now(); }));
    }
  };
  look();
  new MutationObserver(look).observe(document.getElementById("live"), {childList: true, subtree: true});
}
"""


def take(bench: Bench) -> list[Figure]:
    """A full ward, watched; sick patients at a steady rate beside the background, then the way in at full speed."""
    with bench.house.open(environment=UNHURRIED) as up:
        token = add_staff(up, "clinician")
        with up.owner() as connection:
            forget(connection, utc_now())
        ward, numbers = one_ward(up)
        post_a_day(up, numbers)
        up.wait_until_drained(DRAIN_S_MAX)
        look_ms = _cpu_ms(up, _next_look(up, f"/wards/{ward}/board", token), token, at_once=WATCHERS)
        page_ms = _cpu_ms(up, f"/wards/{ward}", token, at_once=2)  # each of them is made
        alone = _way_in(bench, up)
        sick = numbers[1 : 1 + SICK * 2 : 2]  # none of those that are sick already
        with up.owner() as connection:
            patients = public_ids(connection, sick)
        crowd = Crowd(up.url, token, ward, WATCHERS)
        bench.say(f"{WATCHERS} watch {ward}, and a Chromium, beside {BACKGROUND_PER_S} sets/s")
        with watching(crowd):
            with _browser(up.url, token, ward) as page:
                cpu_before, began_s, looks_before = up.cpu_s(), time.monotonic(), crowd.looks
                sent = _post_sick(bench, up, sick)
                took_s = time.monotonic() - began_s
                api_share = (up.cpu_s()["API"] - cpu_before["API"]) / took_s
                looks = (crowd.looks - looks_before) / took_s
                alerts = _alerts(up, patients)
                drawn = _drawn(alerts, crowd, page)
            beside_them = _way_in(bench, up)  # without the real one: drawing pages is not the servers' work
        alone = (alone + _way_in(bench, up)) / 2  # before and after: each file finds other alerts open
    pixel_ms, board_ms = _waits(alerts, sent, crowd, drawn)
    clients = f"{crowd.count} HTTP clients that do as the page does, beside a Chromium; {len(sick)} alerts"
    load = f"{looks:.0f} looks/s, API {api_share:.0%} of a core"
    return [
        Figure("POST to pixel, 200 watch, p50", share(pixel_ms, 50), "ms", None, f"in the Chromium page; {clients}"),
        Figure("POST to pixel, 200 watch, p95", share(pixel_ms, 95), "ms", PIXEL_MS, f"longest {max(pixel_ms):.0f} ms"),
        Figure("POST to board, 200 watch, p95", share(board_ms, 95), "ms", PIXEL_MS, f"in the HTTP clients; {load}"),
        Figure("API's CPU for a look, 200 at once", look_ms, "ms", LOOK_MS,
               f"the part that a page fetches; a whole page, made for each: {page_ms:.1f} ms"),
        Figure("way in while 200 watch, of alone", beside_them / alone, "", WAY_IN_SHARE,
               f"{beside_them:,.0f} of {alone:,.0f} posts/s; clients and servers on the same cores"),
    ]  # fmt: skip


def _next_look(up: Up, path: str, token: str) -> str:
    """What a page asks for that has this picture."""
    part = httpx.get(up.url + path, headers={"Authorization": f"Bearer {token}"}).content
    if (picture := PICTURE.search(part)) is None:
        raise BenchmarkError("a part says no picture")
    return f"{path}?since={picture[1].decode()}"


def _cpu_ms(up: Up, path: str, token: str, *, at_once: int) -> float:
    """CPU of the API for each of as many requests as are answered, so many at once."""
    before = up.cpu_s()
    options = ["-t1", f"-c{at_once}", f"-d{LOOKS_S}", "-H", f"Authorization: Bearer {token}"]
    said = subprocess.run(["wrk", *options, up.url + path], check=True, capture_output=True, text=True).stdout
    answered = re.search(r"(\d+) requests in", said)
    if answered is None or "Non-2xx" in said:
        raise BenchmarkError(f"wrk: {said}")
    return 1000 * (up.cpu_s()["API"] - before["API"]) / int(answered[1])


def _way_in(bench: Bench, up: Up) -> float:
    """Posts a second, as fast as answers come."""
    posts = POSTS_TIMES * bench.scale.posts
    file = bench.house.singles(up, posts)
    rate = wrk.post(up.url + ROUTE, file, expected=posts).rate
    up.wait_until_drained(DRAIN_S_MAX)
    return rate


def _post_sick(bench: Bench, up: Up, sick: Sequence[int]) -> list[float]:
    """When each was sent, by the wall clock; the others' sets go on beside them."""
    others = [number for number in range(len(bench.house.patients)) if number not in set(sick)]
    posts = int(BACKGROUND_PER_S * (WARM_S + len(sick) / SICK_PER_S))
    file = bench.house.write((others[n % len(others)], body_of(f"beside-{n}", WELL)) for n in range(posts))
    sent = []
    with wrk.posting(up.url + ROUTE, file, rate=BACKGROUND_PER_S) as load, httpx.Client(base_url=up.url) as client:
        time.sleep(WARM_S)
        began_s = time.monotonic()
        for place, number in enumerate(sick):
            time.sleep(max(0.0, began_s + place / SICK_PER_S - time.monotonic()))
            headers = {"Authorization": f"Bearer {token_of(number)}", "Content-Type": "application/json"}
            sent.append(utc_now().timestamp())
            answer = client.post(ROUTE, content=body_of(f"sick-{number}", VERY_SICK), headers=headers)
            if answer.status_code != 202:
                raise BenchmarkError(f"a sick patient's set was answered {answer.status_code}")
        wrk.result(load, expected=posts)
    return sent


def _alerts(up: Up, patients: Sequence[str]) -> list[str]:
    """The critical alert of each patient: the board shows their worst. Raises BenchmarkError where one has none."""
    deadline_s = time.monotonic() + AFTER_S
    found: dict[str, str] = {}
    with up.owner() as connection:
        while len(found) < len(patients):
            if time.monotonic() > deadline_s:
                raise BenchmarkError(f"{len(patients) - len(found)} sick patients have no critical alert")
            time.sleep(0.05)
            found = dict(connection.execute(_ALERTS, (list(patients), int(Severity.CRITICAL))).fetchall())
    return [found[patient] for patient in patients]


_ALERTS: Final = """
SELECT patient.public_id::text, alert.public_id::text FROM alert JOIN patient ON patient.id = alert.patient_id
WHERE patient.public_id = ANY(%s::uuid[]) AND alert.severity = %s AND alert.resolved_at IS NULL
"""


def _drawn(alerts: Sequence[str], crowd: Crowd, page: Page) -> dict[str, int]:
    """When the page drew each alert, once everybody has. Raises BenchmarkError where that takes too long."""
    deadline_s = time.monotonic() + AFTER_S
    while any(len(crowd.seen[alert]) < crowd.count for alert in alerts):
        if time.monotonic() > deadline_s:
            late = [count for alert in alerts if (count := len(crowd.seen[alert])) < crowd.count]
            raise BenchmarkError(f"not every client saw every alert: {late} of {crowd.count}")
        time.sleep(0.05)
    try:
        page.wait_for_function("alerts => alerts.every((alert) => drawn[alert])", arg=alerts)
    except Error as error:
        raise BenchmarkError("the browser did not draw every alert") from error
    return dict(page.evaluate("drawn"))


def _waits(
    alerts: Sequence[str], sent: Sequence[float], crowd: Crowd, drawn: Mapping[str, int]
) -> tuple[list[float], list[float]]:
    """Milliseconds from each POST to the real page's pixel, and to each client's board."""
    pixel_ms, board_ms = [], []
    for alert, sent_s in zip(alerts, sent, strict=True):
        pixel_ms.append(drawn[alert] - 1000 * sent_s)
        board_ms += [1000 * (board_s - sent_s) for board_s in crowd.seen[alert]]
    return pixel_ms, board_ms


@contextmanager
def _browser(url: str, token: str, ward: str) -> Iterator[Page]:
    """A real page that is live, and writes down when it draws an alert."""
    with browser.opened(url, token) as page:
        page.goto(f"/wards/{ward}")
        page.wait_for_selector("#link.on")
        page.evaluate(_OBSERVE)
        yield page
