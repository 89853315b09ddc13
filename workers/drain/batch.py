"""One batch in its transaction, from top to bottom: everything that some arrivals owe to anyone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

import psycopg
from sqlmodel import Session

from devices.reading import Arrival
from monitoring.alerts.life import Alerts
from monitoring.database import driver
from monitoring.events import emit
from monitoring.rules.holding import rulebook
from workers.drain import alerting, clocks, hearing, reported, storing, unverified
from workers.drain.aside import note_told, store_aside
from workers.drain.clocks import Batch
from workers.drain.items import Item, items_of, odd_of, refused_of
from workers.drain.ledger import enter
from workers.drain.likely import hold_unlikely
from workers.drain.originals import keep_originals
from workers.drain.quiet import Resolutions
from workers.drain.releases import reopen, take
from workers.drain.repeats import Repeats
from workers.drain.scoring import Scored, score
from workers.drain.seen import store_batteries, store_seen
from workers.drain.stays import Placed, place


@dataclass(slots=True)
class Done:
    """What a committed batch did, for those who watch and for the metrics."""

    sets: int = 0
    repeats: int = 0
    kept: int = 0
    scored: Scored | None = None
    rescored: list[int] = field(default_factory=list)  # rows of `scored`: stored sets whose score a late one changed
    committed: Callable[[], None] | None = None  # to be called then, where a trace goes through it
    behind: dict[UUID, int] = field(default_factory=dict)  # by set, the alert that it raised or changed
    alerted_from: list[datetime] = field(default_factory=list)  # `received_at` of each set that an alert names


def process(session: Session, arrivals: Sequence[Arrival], now: datetime) -> Done:
    """Take arrivals in: ledger, stays, scores, readings, alerts, events. The caller commits.

    Locks in the order of the whole system: ledger, latest vitals by episode, alerts by id, devices, events last.
    """
    connection = driver(session)
    items = [item for one in arrivals for item in items_of(one)]
    kept = [one for arrival in arrivals for one in (*refused_of(arrival), *odd_of(arrival))]
    _make_months(connection, items)
    posted = [item for item in items if item.released is None]
    fresh, conflicts = enter(connection, posted)
    taken, released = take(connection, [item for item in items if item.released is not None], now)
    learnt = clocks.known(connection, posted, arrivals)
    _make_months(connection, clocks.correct(fresh, learnt))
    told_of = {patient for one in released for patient in one.patients}
    placed = hold_unlikely(place(connection, rulebook(session), [*fresh, *taken], [*conflicts, *kept], told_of))
    reopen(connection, placed.kept, now)
    told = store_aside(connection, placed.kept, now)
    alerts = Alerts.lock(session, now, placed.stays.keys())
    done = Done(len(placed.items), len(items) - len(fresh) - len(taken) - len(conflicts), len(told))
    _score_and_store(connection, alerts, placed, done, now)
    keep_originals(connection, arrivals, placed)
    seen = store_seen(connection, posted, kept, clocks.of_devices(fresh), {device for device, _ in learnt})
    store_batteries(connection, arrivals)
    clocks.learn(connection, alerts, placed, learnt, Batch(arrivals, fresh, seen))
    note_told(connection, unverified.tell_aside(alerts, told, placed))
    unverified.settle_released(alerts, connection, released, placed)
    if done.scored is not None:
        unverified.end_refused(alerts, done.scored)
    emit(session, alerts.write())
    done.behind = alerts.behind
    done.alerted_from = _alerted_from(done)
    return done


def _score_and_store(connection: psycopg.Connection, alerts: Alerts, placed: Placed, done: Done, now: datetime) -> None:
    tests = [(item, stay) for item, stay in placed.items if item.one.quality == "test"]
    real = [(item, stay) for item, stay in placed.items if item.one.quality != "test"]
    storing.store_tests(connection, tests)
    if not real:
        return
    done.scored = scored = score(connection, real)
    repeats, resolutions = Repeats.load(alerts.session, scored.stays), Resolutions(alerts.session)
    with connection.pipeline():  # the server writes while we go on thinking
        storing.store_readings(connection, scored)
        done.rescored = storing.store_rescored(connection, scored, now)
        alerting.raise_deterioration(alerts, repeats, resolutions, scored, done.rescored)
        reported.compare(alerts, scored)
        alerting.tell_of_the_kit(alerts, scored)
        hearing.hear(alerts, scored)
        storing.update_latest(connection, scored)
    repeats.write(now)
    resolutions.write()
    hearing.check_on_who_declined(connection, alerts, scored)


def _alerted_from(done: Done) -> list[datetime]:
    named = {str(set_id) for set_id in done.behind}
    if done.scored is None or not named:
        return []
    return [row.item.received_at for row in done.scored.rows if row.item is not None and row.key in named]


_MAKE_MONTHS: Final = "SELECT make_reading_month(month) FROM unnest(%s::date[]) AS month"


def _make_months(connection: psycopg.Connection, items: Sequence[Item]) -> None:
    """Make the months that these sets fall into, where nobody has yet: a ward is not to wait for the timekeeper."""
    months = {date(item.one.taken_at.year, item.one.taken_at.month, 1) for item in items if item.is_storable}
    if months:
        connection.execute(_MAKE_MONTHS, (sorted(months),))
