"""A plan: what is decided for one stay from an instant on, checked, and the pathway's where nobody decided."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, get_args
from uuid import UUID, uuid5

import msgspec

from alert_rules.kinds import NEWS2, NEWS2_MAX, USUAL
from alert_rules.limits import DECIMALS, LIMITED, Lines, impossible
from alert_rules.news2 import not_scorable
from alert_rules.pathway import Pathway
from alert_rules.silence import Schedule, times_for
from devices.plausible import POSSIBLE
from devices.reading import in_whole_units
from monitoring.accepted.views import AcceptedView
from monitoring.fields import Instant, Line, Reason, TimeOfDay
from monitoring.patients.tables import Plan
from monitoring.refusals import Fault, Unacceptable

Limit = Annotated[int, msgspec.Meta(ge=0, le=2000)] | Annotated[float, msgspec.Meta(ge=0, le=2000)]
Expected = Literal[
    "respiratory_rate", "spo2", "oxygen", "systolic", "diastolic", "pulse", "consciousness", "temperature",
    "weight", "glucose", "peak_flow", "wellness",
]  # fmt: skip
LimitedVital = Literal[
    "respiratory_rate",
    "spo2",
    "systolic",
    "diastolic",
    "pulse",
    "temperature",
    "weight",
    "glucose",
    "peak_flow",
]
assert get_args(LimitedVital) == LIMITED
BaselineName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$(?!\n)")]
BOTH_SIDES: Final = ("red_low", "red_high")
NEEDED_WITHOUT_SCORE: Final = {
    "respiratory_rate": BOTH_SIDES,
    "spo2": ("red_low",),
    "pulse": BOTH_SIDES,
    "systolic": BOTH_SIDES,
    "temperature": BOTH_SIDES,
}
"""The lines beyond which a patient without a score is in danger: harm lies on both sides of all but SpO2."""


class LimitsBody(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The lines of one vital sign, in its unit. A line's own value alerts."""

    red_low: Limit | None = None
    amber_low: Limit | None = None
    amber_high: Limit | None = None
    red_high: Limit | None = None


class EscalationBody(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The treatment escalation plan."""

    hospital: Literal["yes", "no", "discuss"]
    cpr: Line | None = None
    preferred_place: Line | None = None
    review_on: date | None = None


class PlanBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A plan as it is sent. What is left out of an admission comes from the pathway."""

    spo2_scale: Literal[1, 2] | msgspec.UnsetType = msgspec.UNSET
    home_oxygen_l_min: (
        Annotated[int, msgspec.Meta(ge=0, le=60)] | Annotated[float, msgspec.Meta(ge=0, le=60)] | None
    ) = None
    readings_per_day: Annotated[int, msgspec.Meta(ge=0, le=24)] | msgspec.UnsetType = msgspec.UNSET
    times: Annotated[list[TimeOfDay], msgspec.Meta(max_length=24)] | None = None
    expects: Annotated[list[Expected], msgspec.Meta(max_length=20)] | None = None
    usual_consciousness: Literal["A", "C", "V", "P", "U"] | None = None
    monitoring: Literal["full", "comfort"] = "full"
    limits: dict[LimitedVital, LimitsBody] | None = None
    baselines: Annotated[dict[BaselineName, float], msgspec.Meta(max_length=20)] | None = None
    escalation: EscalationBody | None = None
    reason: Reason | None = None
    review_on: date | None = None
    from_: Instant | None = msgspec.field(default=None, name="from")


class PlanView(msgspec.Struct, kw_only=True):
    """A plan in force."""

    id: UUID
    spo2_scale: int
    home_oxygen_l_min: float | None
    readings_per_day: int
    times: list[str]
    expects: list[str]
    usual_consciousness: str | None
    monitoring: str
    limits: dict[str, dict[str, float]]
    baselines: dict[str, float]
    escalation: dict[str, Any] | None
    reason: str | None
    review_on: date | None
    from_: datetime = msgspec.field(name="from")
    accepted_value: AcceptedView | None  # what a senior clinician accepted beside it, while that holds


def make_plan(
    body: PlanBody, pathway: Pathway, *, episode_id: int, decided_by: int, now: datetime, from_at: datetime
) -> Plan:
    """A plan's row; what `body` leaves out is the pathway's. Raises Unacceptable."""
    _check_limits(body)
    for name, value in (body.baselines or {}).items():
        if name in USUAL and not _can_be(name, value):
            raise Unacceptable(Fault(f"baselines.{name}", "cannot be measured"))
    per_day, times = _schedule(body, pathway)
    return Plan(
        episode_id=episode_id,
        from_at=from_at,
        spo2_scale=1 if body.spo2_scale is msgspec.UNSET else body.spo2_scale,
        home_oxygen_l_min=_oxygen(body),
        readings_per_day=per_day,
        times=times,
        expects=list(body.expects or ()),
        usual_consciousness=body.usual_consciousness,
        monitoring=body.monitoring,
        limits=msgspec.to_builtins(body.limits or {}),
        baselines=body.baselines or {},
        escalation=None if body.escalation is None else msgspec.to_builtins(body.escalation),
        reason=body.reason,
        review_on=body.review_on,
        decided_by=decided_by,
        recorded_at=now,
    )


def require(body: PlanBody, *names: str) -> None:
    """What a decision must say. Raises Unacceptable naming what is left out."""
    if lacking := [name for name in names if getattr(body, name) in {None, msgspec.UNSET}]:
        raise Unacceptable(*(Fault(name, "required") for name in lacking))


def departs(body: PlanBody, pathway: Pathway) -> bool:
    """Whether this is more than the pathway's own plan, and so a clinician's to decide."""
    own = PlanBody(spo2_scale=1, readings_per_day=pathway.readings_per_day)
    same = msgspec.structs.replace(
        body,
        spo2_scale=1 if body.spo2_scale is msgspec.UNSET else body.spo2_scale,
        readings_per_day=pathway.readings_per_day if body.readings_per_day is msgspec.UNSET else body.readings_per_day,
        times=None if body.times == list(times_for(pathway.readings_per_day)) else body.times,
        home_oxygen_l_min=body.home_oxygen_l_min or None,
        expects=body.expects or None,
        limits=body.limits or None,
        baselines=body.baselines or None,
        reason=None,
        review_on=None,
        from_=None,
    )
    return same != own


def schedule_of(plan: Plan) -> Schedule:
    """When readings are due; comfort care expects none."""
    return Schedule.of(plan.times if plan.monitoring == "full" else [])


def lines_of(limits: dict[str, dict[str, float]]) -> dict[str, Lines]:
    """Stored limits as the rules hold them: whole units of each vital's resolution."""
    return {
        vital: Lines(**{line: in_whole_units(value, DECIMALS.get(vital, 0)) for line, value in drawn.items()})
        for vital, drawn in limits.items()
    }


def usual_of(baselines: dict[str, float]) -> dict[str, int]:
    """Stored usual values as the rules hold them; what no rule knows is only shown."""
    return {
        name: in_whole_units(value, DECIMALS.get(name, 0))
        for name, value in baselines.items()
        if name in USUAL and _can_be(name, value)
    }


def _can_be(name: str, value: float) -> bool:
    low, high = (0, NEWS2_MAX) if name == NEWS2 else POSSIBLE[name]
    return low <= value <= high


def age_years(born: date, on: date) -> int:
    """Whole years on that day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def reason_not_scored(born: date, pregnant: str, *, spinal_cord_injury: bool, on: date) -> str | None:
    """Why this patient has no NEWS2 on that day, or None."""
    return not_scorable(
        age_years(born, on), pregnant == "true" or ("unknown" if pregnant == "unknown" else False), spinal_cord_injury
    )


def limits_missing(plan: Plan, not_scored: str | None) -> list[str]:
    """The limits that a patient without a score needs instead, and this plan lacks."""
    if not_scored is None or plan.monitoring != "full":
        return []
    return [
        f"limits.{vital}.{line}"
        for vital, lines in NEEDED_WITHOUT_SCORE.items()
        for line in lines
        if line not in plan.limits.get(vital, {})
    ]


def check_watched(plan: Plan, not_scored: str | None) -> None:
    """Raise Unacceptable naming the limits without which nobody would watch this patient."""
    if missing := limits_missing(plan, not_scored):
        raise Unacceptable(*(Fault(limit, f"required: NEWS2 does not apply ({not_scored})") for limit in missing))


def plan_view(plan: Plan, accepted: AcceptedView | None = None) -> PlanView:
    """A plan as the outside sees it, with what is accepted beside it."""
    made = {"id", "from_", "home_oxygen_l_min", "accepted_value"}
    fields = {name: getattr(plan, name) for name in PlanView.__struct_fields__ if name not in made}
    oxygen = None if plan.home_oxygen_l_min is None else float(plan.home_oxygen_l_min)
    return PlanView(
        **fields,
        id=uuid5(_PLANS, str(plan.id)),
        home_oxygen_l_min=oxygen,
        from_=plan.from_at,
        accepted_value=accepted,
    )


_PLANS: Final = UUID("8d5a3c1e-5a0e-5c37-9d1b-0f0a6f6f3b52")  # plans have no public key: theirs is derived


def _schedule(body: PlanBody, pathway: Pathway) -> tuple[int, list[str]]:
    """How often and when. Raises Unacceptable where the two contradict each other."""
    times = None if body.times is None else sorted(set(body.times))
    if body.readings_per_day is not msgspec.UNSET:
        per_day = body.readings_per_day
    else:
        per_day = pathway.readings_per_day if times is None else len(times)
    if times is not None and len(times) != per_day:
        raise Unacceptable(Fault("times", f"{len(times)} times for {per_day} readings per day"))
    return per_day, list(times_for(per_day)) if times is None else times


def _oxygen(body: PlanBody) -> Decimal | None:
    """Home oxygen as it is stored. Raises Unacceptable for what would be rounded."""
    if body.home_oxygen_l_min is None:
        return None
    flow = Decimal(repr(body.home_oxygen_l_min))
    if flow != round(flow, 2):
        raise Unacceptable(Fault("home_oxygen_l_min", "has more than two decimals"))
    return flow


def _check_limits(body: PlanBody) -> None:
    limits = msgspec.to_builtins(body.limits or {})
    for vital, drawn in limits.items():
        low, high = POSSIBLE[vital]
        for line, value in drawn.items():
            if not low <= value <= high:
                raise Unacceptable(Fault(f"limits.{vital}.{line}", f"cannot be measured: {low} to {high} can"))
    for vital, lines in lines_of(limits).items():
        if fault := impossible(lines):
            raise Unacceptable(Fault(f"limits.{vital}", fault))
