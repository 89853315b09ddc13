"""What a team is told with: signed by its present secret and the one before, until its hub knows the new one."""

import msgspec
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from monitoring.clock import utc_now
from monitoring.delivery.targets import new_secret
from monitoring.ucr.teams import UcrTeamBody, put_team
from tests.monitoring.referring import acts
from tests.monitoring.ucr_steps import TEAM, asks, has_team
from tests.receivers import receiving
from tests.ward import Ward
from tests.workers.delivering import delivering, settled


def test_a_hub_that_knows_the_new_secret_or_still_the_one_before_can_verify_what_it_is_told(ward: Ward) -> None:
    ward.now = utc_now()
    first, second, third = new_secret(), new_secret(), new_secret()
    with receiving() as hub:
        has_team(ward, "ONE", webhook="https://hub.example/", secret=first)
        acts(ward, lambda act: put_team(act, "ONE", _body(hub.url(), second), allow_private=True))
        acts(ward, lambda act: put_team(act, "ONE", _body(hub.url(), None), allow_private=True))  # those stay
        asks(ward)
        with delivering(ward):
            settled(ward)
            acts(ward, lambda act: put_team(act, "ONE", _body(hub.url(), third), allow_private=True))
            asks(ward, need="catheter")
            settled(ward)
    one, two = hub.calls
    for secret in (first, second):
        Webhook(secret).verify(one.body, one.headers)
    for secret in (second, third):
        Webhook(secret).verify(two.body, two.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(first).verify(two.body, two.headers)


def _body(webhook: str, secret: str | None) -> UcrTeamBody:
    return msgspec.convert(TEAM | {"webhook": webhook, "secret": secret}, UcrTeamBody)
