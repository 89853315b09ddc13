"""The patient, or who is with them, answers on the device which soft signs there are today."""

from typing import Final
from uuid import UUID

import msgspec

from alert_rules.concern import ADVICE
from alert_rules.severity import Severity
from alert_rules.soft_signs import Sign
from monitoring.acts import Act
from monitoring.clock import local_day
from monitoring.events import emit
from monitoring.fields import Instant, in_utc
from monitoring.prompts.views import asked_of_today
from monitoring.refusals import unacceptable
from monitoring.soft_signs.noticing import Signs, Told, notice, refuse_twice
from monitoring.soft_signs.tables import Source

NONE_SEEN: Final = "Thank you. If anything changes, or you are worried, tell the ward or call 111; in an emergency 999."


class PromptAnswerBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which of the signs there are; none of them where it is empty. How they feel goes with the readings."""

    soft_signs: Signs
    at: Instant | None = None


class PromptAnswerView(msgspec.Struct, kw_only=True):
    """What was taken down, and what to do meanwhile: to be shown as it is."""

    patient: UUID
    soft_signs: list[Sign]
    advice: str


def answer_prompt(act: Act, prompt_id: UUID, body: PromptAnswerBody) -> PromptAnswerView:
    """Take down today's signs; later ones count instead. Raises NotFound for no question of today, Unacceptable."""
    row = asked_of_today(act, prompt_id)
    refuse_twice(body.soft_signs)
    at = act.now if body.at is None else in_utc("at", body.at)
    if at > act.now or local_day(at) != local_day(act.now):
        raise unacceptable("at", "is in the future" if at > act.now else "is not today")
    emit(act.session, notice(act, row.episode_id, Told(body.soft_signs, Source.PROMPT, at, "answered at home")))
    advice = ADVICE[Severity.RED] if body.soft_signs else NONE_SEEN
    return PromptAnswerView(patient=row.public_id, soft_signs=body.soft_signs, advice=advice)
