"""Nothing is lost: whatever is sent is stored once, or kept aside for a person, or was discarded by one."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from devices.reading import Arrival, Impossible, NoValue, Odd, ReadingSet
from monitoring.access.roles import Role
from monitoring.aside.deciding import DiscardBody, ReleaseBody, arrival_of, discard, release
from monitoring.database import transaction
from monitoring.intake.tables import SetAside
from monitoring.kit import devices
from monitoring.kit.assigning import AssignmentBody
from monitoring.kit.devices import DeviceBody
from monitoring.refusals import Conflict
from tests.ward import Ward
from tests.workers.records import rows

KINDS = (
    "sound",
    "reuses an id",
    "ahead",
    "never set",
    "too early",
    "jumps",
    "another's",
    "refused",
    "odd",
    "nothing in it",
)
"""What a device sends. A thing is told by its pulse: 40 and its place here, and 20 more for the second of its kind."""

things = st.tuples(st.integers(0, len(KINDS) - 1), st.integers(0, 1))
acts = st.one_of(
    st.tuples(st.just("send"), st.lists(things, min_size=1, max_size=4)),
    st.tuples(st.sampled_from(["release", "discard"]), st.integers(0, 9)),
    st.tuples(st.just("queue again"), st.integers(0, 9)),
)


@dataclass
class Home:
    """A device of the ward's patient, and what it has sent."""

    ward: Ward
    source: int
    began: datetime
    sent: set[int] = field(default_factory=set)
    released: list[Arrival] = field(default_factory=list)

    @classmethod
    def new(cls, ward: Ward) -> "Home":
        """A scale with which the patient is user 1."""
        with transaction(ward.engine) as session:
            act = ward.act(session, Role.ADMIN)
            scale, _ = devices.make(session, ward.now, DeviceBody("scale", "S"))
            devices.put_assignment(act, scale.public_id, AssignmentBody(patient=ward.patient.id, slot=1))
            return cls(ward, scale.id, ward.now)

    def sends(self, some: list[tuple[int, int]]) -> None:
        """Several requests, drained together."""
        self.ward.drains([self._arrival(kind, second) for kind, second in some])

    def _arrival(self, kind: int, second: int) -> Arrival:
        pulse, now, name = 40 + kind + 20 * second, self.began, KINDS[kind]
        self.sent.add(pulse)
        one = ReadingSet(id="same" if name == "reuses an id" else name + str(second), taken_at=now, pulse=pulse)
        changed: dict[str, dict[str, Any]] = {
            "ahead": {"taken_at": now + timedelta(hours=2)},
            "never set": {"taken_at": now.replace(year=2000)},
            "too early": {"taken_at": now - timedelta(days=9)},
            "jumps": {"weight": 70 + 30 * second},
            "another's": {"slot": 2},
        }
        one = ReadingSet(**{name: getattr(one, name) for name in one.__struct_fields__} | changed.get(name, {}))
        arrival = {"source": self.source, "received_at": self.ward.now}
        if name == "refused":
            return Arrival(**arrival, impossible=[Impossible(id=one.id, taken_at=now, values=NO_SPO2, rest=one)])  # type: ignore[arg-type]
        if name in {"odd", "nothing in it"}:
            reads, document = one if name == "odd" else None, msgspec.Raw(b'{"pulse": %d}' % pulse)
            part = Odd(id=one.id, reason="code not known", detail="x", document=document, reads=reads)
            return Arrival(**arrival, odd=[part])  # type: ignore[arg-type]
        return Arrival(**arrival, sets=[one])  # type: ignore[arg-type]

    def decides(self, what: str, place: int) -> None:
        """A person decides of something; of what was decided nobody does again."""
        with transaction(self.ward.engine) as session:
            query = select(SetAside).where(col(SetAside.source) == self.source).order_by(col(SetAside.key))
            kept = list(session.exec(query))
            if not kept:
                return
            row = kept[place % len(kept)]
            act, was_open = self.ward.act(session, Role.CLINICIAN), row.decision is None
            try:
                if what == "discard":
                    discard(act, row.public_id, DiscardBody(reason="x"))
                else:
                    release(act, row.public_id, ReleaseBody(patient=self.ward.patient.id, taken_at=self.ward.now))
                    self.released.append(arrival_of(row))
                assert was_open
            except Conflict:
                assert not was_open or "nothing in it" in row.id

    def queues(self, place: int) -> None:
        """What was released goes onto the stream: not at all, once, or again and again."""
        if self.released:
            self.ward.drains([self.released[place % len(self.released)]] * 2)

    def assert_nothing_is_lost(self) -> None:
        """Each thing is stored once, or stands once among what was kept aside, and not both unless it was released."""
        stored = rows(
            self.ward.engine,
            "SELECT pulse, (also ->> 'kept_aside')::uuid AS kept_aside FROM reading WHERE source = :source",
            source=self.source,
        )
        kept = rows(
            self.ward.engine,
            """
            SELECT public_id, decision, scored_at,
                   coalesce(document #>> '{pulse}', document #>> '{rest,pulse}', document #>> '{document,pulse}')::int
                       AS pulse
            FROM set_aside WHERE source = :source
            """,
            source=self.source,
        )
        at_once = Counter(row.pulse for row in stored if row.kept_aside is None)
        assert at_once + Counter(row.pulse for row in kept) == Counter(self.sent)
        scored = Counter((row.public_id, row.pulse) for row in kept if row.scored_at is not None)
        assert Counter((row.kept_aside, row.pulse) for row in stored if row.kept_aside) == scored
        assert all(row.decision == "released" for row in kept if row.scored_at is not None)


NO_SPO2 = (NoValue("spo2", 109, "cannot be a measurement"),)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(acts, min_size=4, max_size=14))
def test_whatever_is_sent_released_and_discarded_nothing_is_lost_or_doubled(
    ward: Ward, story: list[tuple[str, Any]]
) -> None:
    home = Home.new(ward)
    for what, of in story:
        ward.now += timedelta(seconds=1)
        if what == "send":
            home.sends(of)
        elif what == "queue again":
            home.queues(of)
        else:
            home.decides(what, of)
        home.assert_nothing_is_lost()
    for place in range(len(home.released)):
        home.queues(place)
    home.assert_nothing_is_lost()
    query = "SELECT 1 FROM set_aside WHERE source = :source AND decision = 'released' AND scored_at IS NULL"
    assert rows(ward.engine, query, source=home.source) == []
