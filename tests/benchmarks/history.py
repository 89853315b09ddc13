"""`make bench-history`: whether the drain is slower with three months of everybody's readings than with none.

python -m tests.benchmarks.history [--json FILE] [--quick]

Two installations in one run, the same posts for both, in turn; ten million sets take about ten minutes to write.
"""

import sys
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import psycopg
from psycopg import sql

from monitoring.clock import utc_now
from tests.benchmarks.figures import Figure, Target, middle, spoken
from tests.benchmarks.house import temporary
from tests.benchmarks.measure import Bench, Measure
from tests.benchmarks.posting import drain_rate, durable_rate
from tests.benchmarks.run import run
from tests.benchmarks.seeding import forget
from tests.benchmarks.up import Up

AGAINST_EMPTY: Final = Target(must=0.9, aim=1.0)
SPAN: Final = timedelta(days=90)
TOLD_EVERY: Final = 40  # slots
AT_WORK: Final = ("PostgreSQL", "workers")
"""Who drains. Their CPU time says how much work it was, whatever else the cores did meanwhile."""


class Drained(NamedTuple):
    """How fast a stream was drained, and with how much work."""

    rate: float  # sets a second
    cpu_us: float  # a set


Pair = tuple[Drained, Drained]
"""Without history and with it."""


def take(bench: Bench) -> list[Figure]:
    """Write the history, then drain the same stream of single sets with it and without."""
    posts = bench.scale.patients
    with temporary(bench.scale, bench.say, "full-") as other, bench.house.open() as empty, other.open() as full:
        bench.say("one slot through the API: the model of the history")
        _drain(full, other.singles(full, posts), posts)
        slots = max(1, bench.scale.history // posts)
        _write_history(bench, full, slots)
        pairs: dict[bool, list[Pair]] = {True: [], False: []}  # by whether a checkpoint was just made
        for number in range(2 * bench.scale.runs):
            after_checkpoint = number % 2 == 0
            bench.say(f"draining without and with history, {number + 1} of {2 * bench.scale.runs}")
            file = bench.house.singles(empty, posts)
            for up in (empty, full):
                _prepare(up, checkpoint=after_checkpoint)
            in_turn = (full, empty) if number % 4 >= 2 else (empty, full)
            drained = {up.url: _drain(up, file, posts) for up in in_turn}
            pairs[after_checkpoint].append((drained[empty.url], drained[full.url]))
        size = _size(full)
    sets = f"{slots * posts:,} sets of history ({size})"
    return [
        _figure("drain with history against empty, just after a checkpoint", pairs[True], sets),
        _figure("drain with history against empty, between checkpoints", pairs[False], sets),
    ]


def _drain(up: Up, file: Path, posts: int) -> Drained:
    """Fill the stream, then empty it."""
    up.hold_bell()
    durable_rate(up, file, posts)
    before = up.cpu_s()
    rate = drain_rate(up, posts)
    after = up.cpu_s()
    return Drained(rate, sum(after[part] - before[part] for part in AT_WORK) / posts * 1e6)


def _prepare(up: Up, *, checkpoint: bool) -> None:
    """Nothing known of anybody; after a checkpoint the first change of each page is written to the log whole."""
    with up.owner() as connection:
        forget(connection, utc_now())
    if checkpoint:
        with psycopg.connect(up.installation.owner_url.replace("vw_owner@", "postgres@"), autocommit=True) as server:
            server.execute("CHECKPOINT")


def _write_history(bench: Bench, up: Up, slots: int) -> None:
    """Everybody's set of today once more for each slot of three months, oldest first, and its ledger entry: settled."""
    reading = {
        "taken_at": "one.taken_at - %(ago)s",
        "received_at": "one.received_at - %(ago)s",
        "id": "one.id || '-' || %(slot)s",
        "set": "md5(one.set || '-' || %(slot)s)::uuid",
        "recent": "false",
    }
    ledger = {
        "id": "one.id || '-' || %(slot)s",
        "content": "substr(sha256(one.content || %(slot)s::text::bytea), 1, 16)",
        "recent": "false",
    }
    with up.owner() as connection:
        connection.execute("CREATE TEMP TABLE reading_model AS SELECT * FROM reading ORDER BY episode_id")
        connection.execute("CREATE TEMP TABLE ledger_model AS SELECT * FROM ledger ORDER BY source")
        write_reading = _again(connection, "reading", reading, "episode_id")
        write_ledger = _again(connection, "ledger", ledger, "source")
        _make_months(connection, utc_now() - SPAN)
        for slot in range(slots, 0, -1):
            values = {"ago": SPAN * slot / slots, "slot": slot}
            connection.execute(write_reading, values)
            connection.execute(write_ledger, values)
            if slot % TOLD_EVERY == 0:
                bench.say(f"history: {slots - slot} of {slots} slots written")
        bench.say("vacuum and analyze")
        connection.execute("VACUUM (ANALYZE)")


def _make_months(connection: psycopg.Connection, since: datetime) -> None:
    """The months of readings from `since` on: only this one and the next ones are there from the start."""
    connection.execute(
        "SELECT make_reading_month(month::date) FROM generate_series(date_trunc('month', %s), %s, '1 month') AS month",
        (since, utc_now()),
    )


def _again(connection: psycopg.Connection, table: str, changed: dict[str, str], ordered: str) -> sql.Composed:
    """An INSERT of the model's rows once more, whatever columns the table has."""
    nothing = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(sql.Identifier(table)))
    names = [column.name for column in nothing.description or ()]
    values = [sql.SQL(changed[name]) if name in changed else sql.Identifier("one", name) for name in names]
    return sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} AS one ORDER BY {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(values),
        sql.Identifier(f"{table}_model"),
        sql.Identifier("one", ordered),
    )


def _size(up: Up) -> str:
    with up.owner() as connection:
        row = connection.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone()
    assert row is not None
    return str(row[0])


def _figure(measure: str, runs: list[Pair], sets: str) -> Figure:
    share, beside = middle([full.rate / empty.rate for empty, full in runs])
    rates = [median(one.rate for one in side) for side in zip(*runs, strict=True)]
    cpu_us = [median(one.cpu_us for one in side) for side in zip(*runs, strict=True)]
    said = f"{spoken(rates[0])} sets/s empty, {spoken(rates[1])} full"
    cpu = f"{cpu_us[0]:.0f} and {cpu_us[1]:.0f} µs of CPU a set"
    return Figure(measure, share, "×", AGAINST_EMPTY, f"{beside}; {said}; {cpu}; {sets}")


HISTORY: Final = Measure("history", "the drain with months of readings and with none", take)

if __name__ == "__main__":
    sys.exit(run([HISTORY], "python -m tests.benchmarks.history"))
