"""What the wards' own rules cost the drain: with none but NEWS2, with those that are packaged, and with every kind.

Turn by turn in one run. The wards' rules are changed as an approval changes them: the workers go on.
"""

from collections.abc import Mapping
from statistics import median
from typing import Final

from alert_rules.pathway import packaged_text, pathways, read
from monitoring.clock import utc_now
from tests.benchmarks.figures import BenchmarkError, Figure, Target, middle
from tests.benchmarks.measure import Bench
from tests.benchmarks.posting import drain_rate, durable_rate
from tests.benchmarks.rules import EVERY_KIND
from tests.benchmarks.scale import SETS_PER_ARRAY
from tests.benchmarks.seeding import add_staff
from tests.benchmarks.up import Up

KEPT_SHARE: Final = Target(must=0.75, aim=0.9)
NONE: Final = """
title = "None"
readings_per_day = 4
spo2 = { amber_low = 93, red_low = 91 }
"""
BY: Final = {"none": NONE, "packaged": "", "every kind": EVERY_KIND}
WHAT: Final = {"single sets": 1, "arrays of 200": SETS_PER_ARRAY}


def take(bench: Bench) -> list[Figure]:
    """Posted while nobody drains, then drained, with each in turn."""
    figures: list[Figure] = []
    with bench.house.open() as up:
        add_staff(up, "clinician")
        for what, per_post in WHAT.items():
            rates: dict[str, list[float]] = {by: [] for by in BY}
            workers_us: dict[str, list[float]] = {by: [] for by in BY}
            for run in range(bench.scale.runs):
                for by, content in BY.items():
                    bench.say(f"{what}, rules: {by}, {run + 1} of {bench.scale.runs}")
                    _approve(up, content)
                    rate, used_us = _drained(bench, up, per_post)
                    rates[by].append(rate)
                    workers_us[by].append(used_us)
            figures += _figures(what, rates, workers_us)
    return figures


def _drained(bench: Bench, up: Up, per_post: int) -> tuple[float, float]:
    """Sets a second, and µs of the workers' CPU for each."""
    up.hold_bell()
    posts = bench.scale.posts if per_post == 1 else bench.scale.arrays
    make = bench.house.singles if per_post == 1 else bench.house.arrays
    durable_rate(up, make(up, posts), posts)
    before_s = up.cpu_s()["workers"]
    rate = drain_rate(up, posts * per_post)
    return rate, 1e6 * (up.cpu_s()["workers"] - before_s) / (posts * per_post)


def _figures(what: str, rates: Mapping[str, list[float]], workers_us: Mapping[str, list[float]]) -> list[Figure]:
    figures = []
    for by in ("packaged", "every kind"):
        share, shares = middle([one / other for one, other in zip(rates[by], rates["none"], strict=True)])
        said = f"{median(rates[by]):,.0f} of {median(rates['none']):,.0f} sets/s; workers"
        cpu = f"{median(workers_us[by]):.0f} and {median(workers_us['none']):.0f} µs a set"
        figures.append(
            Figure(f"drain of {what}, rules {by}, of none", share, "×", KEPT_SHARE, f"{said} {cpu}; {shares}")
        )
    return figures


def _approve(up: Up, content: str) -> None:
    """As a change of every pathway that has held ever since; without content the packaged ones do."""
    names = list(pathways())
    with up.owner() as connection, connection.transaction():
        connection.execute("DELETE FROM rule_decision")
        connection.execute("DELETE FROM rule_proposal")
        staff = connection.execute("SELECT max(id) FROM staff").fetchone()
        if staff is None:
            raise BenchmarkError("nobody works there")
        for name in names:
            text = content or packaged_text(name)
            version = read(name, text).version
            connection.execute(
                _APPROVED, {"name": name, "text": text, "version": version, "by": staff[0], "now": utc_now()}
            )


_APPROVED: Final = """
WITH proposed AS (
    INSERT INTO rule_proposal
        (public_id, pathway, content, version, replaces_version, reason, proposed_by, proposed_at)
    VALUES (gen_random_uuid(), %(name)s, %(text)s, %(version)s, '', 'measured', %(by)s, %(now)s)
    RETURNING id
)
INSERT INTO rule_decision (public_id, proposal_id, pathway, decision, from_at, decided_by, decided_at)
SELECT gen_random_uuid(), id, %(name)s, 'approved', '2000-01-01', %(by)s, %(now)s FROM proposed
"""
