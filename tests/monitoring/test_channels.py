"""The ways out of the building, each against a real server that behaves or does not; and what may not be called."""

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.delivery.channels import mail, notify, others, webhook
from monitoring.delivery.channels.attempts import NotDelivered, Outgoing, Taken
from monitoring.delivery.channels.guard import PRIVATE, addresses, fit_url, is_public
from monitoring.delivery.channels.webhook import Webhooks, signed
from monitoring.delivery.outbox import Way
from monitoring.delivery.wording import text
from monitoring.escalation.tables import By
from tests.receivers import CLOSE, DRIP, STALL, Mailbox, Notify, Receiver, mailbox, notifying, receiving

ALERT = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
BODY: dict[str, Any] = {
    "type": "escalation.step",
    "timestamp": "2026-03-10T08:00:00Z",
    "data": {"alert": str(ALERT), "ward": "RESP1", "severity": "red", "kind": "deterioration", "step": 1,
             "patient": "Ann Other", "news2": 9},
}  # fmt: skip
SAID = "Virtual ward RESP1: RED alert, ref 0-REF. Open the ward board."
NEW, OLD = ("whsec_" + base64.b64encode(bytes([byte] * 32)).decode() for byte in (1, 2))
KEY = f"ward-{uuid4()}-{uuid4()}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who is told by webhook."""
    with receiving() as found:
        yield found


@pytest.fixture
def box() -> Iterator[Mailbox]:
    """A mail server."""
    with mailbox() as found:
        yield found


@pytest.fixture
def gov() -> Iterator[Notify]:
    """GOV.UK Notify."""
    with notifying() as found:
        yield found


def outgoing(by: By, to: str, *secrets: str, again: bool = False) -> Outgoing:
    """An attempt."""
    return Outgoing(uuid4(), Way(by, to, secrets), 1, BODY, again, utc_now())


def post(message: Outgoing, *, allow_private: bool = True) -> Taken:
    """Send a webhook."""

    async def send() -> Taken:
        webhooks = Webhooks(allow_private=allow_private)
        try:
            return await webhooks.send(message)
        finally:
            await webhooks.close()

    return asyncio.run(send())


def failure(send: Any, *arguments: Any, **named: Any) -> NotDelivered:
    """Why it was not delivered."""
    with pytest.raises(NotDelivered) as raised:
        send(*arguments, **named)
    return raised.value


def test_signatures_are_those_of_standard_webhooks() -> None:
    """Vectors of the libraries at https://github.com/standard-webhooks/standard-webhooks (Apache-2.0)."""
    cases = [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
         '{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
         '{"email":"test@example.com","username":"test_user"}', "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="),
    ]  # fmt: skip
    for secret, name, at_s, body, signature in cases:
        way = Way(By.WEBHOOK, "https://a.example", (secret,))
        message = Outgoing(name, way, 1, {}, again=False, at=datetime.fromtimestamp(at_s, UTC))  # type: ignore[arg-type]
        assert signed(message, body.encode()) == {
            "webhook-id": name,
            "webhook-timestamp": str(at_s),
            "webhook-signature": signature,
        }


def test_a_webhook_is_signed_with_every_secret_so_that_secrets_can_be_changed(receiver: Receiver) -> None:
    message = outgoing(By.WEBHOOK, receiver.url(), NEW, OLD)
    assert post(message) == Taken()
    (call,) = receiver.calls
    assert call.id == str(message.id)
    assert call.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert json.loads(call.body) == BODY
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(call.body, call.headers) == BODY
    first = call.headers["webhook-signature"].split(" ")[0]
    assert Webhook(NEW).verify(call.body, call.headers | {"webhook-signature": first}) == BODY


def test_what_an_answer_means(receiver: Receiver) -> None:
    receiver.headers = {"Location": receiver.url("elsewhere"), "Retry-After": "7"}
    meant = {200: None, 204: None, 302: True, 404: True, 410: True, 408: False, 425: False, 429: False, 500: False}
    for status, permanent in meant.items():
        receiver.answers["a"] = [status]
        if permanent is None:
            assert post(outgoing(By.WEBHOOK, receiver.url())) == Taken()
            continue
        why = failure(post, outgoing(By.WEBHOOK, receiver.url()))
        assert (why.reason, why.permanent, why.gone) == (f"answered {status}", permanent, status == 410)
        assert why.after_s == 7
    assert set(receiver.paths()) == {"a"}  # nothing was followed


def test_one_who_hangs_drips_or_hangs_up_is_left_in_time(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "TOTAL_S", 0.3)
    for trick, reason in ((STALL, "no answer within"), (DRIP, "no answer within"), (CLOSE, "no answer: ")):
        receiver.answers["a"] = [trick]
        why = failure(post, outgoing(By.WEBHOOK, receiver.url()))
        assert why.reason.startswith(reason)
        assert not why.permanent
        receiver.gate.set()
    why = failure(post, outgoing(By.WEBHOOK, "http://127.0.0.1:1/"))
    assert (why.reason, why.permanent) == ("it takes no connection", False)


def test_a_webhook_that_can_never_go_out_says_why(receiver: Receiver) -> None:
    for to, reason in (
        ("", "its address is not https"),
        ("ftp://a.example/", "its address is not https"),
        ("https://user:word@a.example/", "its address names no host, or a user"),
        ("https:///x", "its address names no host, or a user"),
        ("https://a\x00b/", "its address is none"),
    ):
        why = failure(post, outgoing(By.WEBHOOK, to))
        assert (why.reason, why.permanent) == (reason, True)
    for secret in ("whsec_", "whsec_é", "whsec_a"):
        why = failure(post, outgoing(By.WEBHOOK, receiver.url(), secret))
        assert (why.reason, why.permanent) == ("its secret cannot be used", True)
    assert failure(fit_url, "http://a.example/", allow_private=False).reason == "its address is not https"


private_v4 = st.one_of(
    *(
        st.ip_addresses(v=4, network=network)
        for network in ("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
                        "100.64.0.0/10", "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32")
    )
)  # fmt: skip
private_v6 = st.one_of(
    *(st.ip_addresses(v=6, network=network) for network in ("fe80::/10", "fc00::/7", "::1/128", "::/128", "ff00::/8"))
)


def spellings(address: IPv4Address) -> list[str]:
    """Every way in which look-ups understand an IPv4 address."""
    a, b, c, d = address.packed
    number = int(address)
    carried = [f"::ffff:{address}", f"64:ff9b::{address}", f"2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1", f"::{address}"]
    return [
        str(address), str(number), hex(number), f"0{number:o}", f"{a}.{(b << 16) + (c << 8) + d}",
        f"{a}.{b}.{(c << 8) + d}", ".".join(map(hex, address.packed)),
        ".".join(f"0{part:o}" for part in address.packed), *(f"[{one}]" for one in carried),
    ]  # fmt: skip


def refused(host: str) -> bool:
    """Whether nothing is called there."""

    async def ask() -> None:
        await addresses(fit_url(f"https://{host}/x", allow_private=False), allow_private=False)

    try:
        asyncio.run(ask())
    except NotDelivered:
        return True
    return False


@given(private_v4)
def test_no_private_address_is_called_however_it_is_spelt(address: IPv4Address) -> None:
    assert [host for host in spellings(address) if not refused(host)] == []


@given(private_v6)
def test_nor_one_of_ipv6(address: IPv6Address) -> None:
    assert not is_public(str(address))
    assert refused(f"[{address}]")


def test_names_that_lead_inside_are_refused_and_public_addresses_are_not() -> None:
    assert [host for host in ("localhost", "LOCALHOST.", "ip6-localhost", "[fe80::1%25lo]") if not refused(host)] == []
    assert [host for host in ("1.1.1.1", "[2606:4700:4700::1111]", "[64:ff9b::101:101]") if refused(host)] == []


def settings(**changed: Any) -> Settings:
    """Settings of the channels."""
    return Settings(public_url="https://ward.example", **changed)


def mails(box: Mailbox, **changed: Any) -> Settings:
    """Settings that lead to a mail server."""
    own = {"smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_from": "ward@nhs.example", "smtp_starttls": False}
    return settings(**own | changed)


def test_an_email_says_where_to_look_and_never_who_or_why(box: Mailbox) -> None:
    message = outgoing(By.EMAIL, "cm@nhs.example")
    mail.send(mails(box), message)
    (taken,) = box.taken
    assert taken["Subject"] == f"Virtual ward RESP1: RED alert, ref {reference()}"
    assert taken["To"] == "cm@nhs.example"
    assert taken["Message-ID"] == f"<{message.id}@nhs.example>"
    assert taken.get_content().strip() == f"{said()} https://ward.example"
    assert "Ann" not in taken.as_string()


def reference() -> str:
    """The last twenty bits of the alert's id, in Crockford's letters."""
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return "".join(digits[int(ALERT.hex[-5:], 16) >> shift & 31] for shift in (15, 10, 5, 0))


def said() -> str:
    """What is told of the alert."""
    return SAID.replace("0-REF", reference())


def test_a_link_leads_to_our_own_pages_only() -> None:
    for link, shown in (("https://ward.example/a/1", "/a/1"), ("https://evil.example", ""), (7, "")):
        body = BODY | {"data": BODY["data"] | {"link": link}}
        assert text(body, "https://ward.example") == f"{said()} https://ward.example{shown}"
    assert text(BODY, None) == said()


def test_a_field_that_is_no_plain_word_is_left_out() -> None:
    body = {"type": "escalation.step", "data": {"ward": "Ann Other, 9434765919", "severity": "red\nBcc: x"}}
    assert text(body, None) == "Virtual ward: alert. Open the ward board."
    assert text({"type": "ucr.referral", "data": {}}, None) == "Virtual ward: UCR referral. Open the list of referrals."


def test_a_recipient_who_is_refused_is_gone_and_a_server_that_is_busy_is_asked_again(box: Mailbox) -> None:
    box.says = {"gone@nhs.example": "550 no such user", "busy@nhs.example": "451 later", "full@nhs.example": "552 full"}
    found = {who: failure(mail.send, mails(box), outgoing(By.EMAIL, who)) for who in box.says}
    assert {who: (one.permanent, one.gone) for who, one in found.items()} == {
        "gone@nhs.example": (True, True),
        "busy@nhs.example": (False, False),
        "full@nhs.example": (True, False),
    }
    assert all("example" not in one.reason for one in found.values())


def test_nothing_is_said_to_a_mail_server_that_does_not_encrypt_or_is_not_set(box: Mailbox) -> None:
    assert failure(mail.send, mails(box, smtp_starttls=True), outgoing(By.EMAIL, "cm@nhs.example")).permanent
    assert failure(mail.send, settings(), outgoing(By.EMAIL, "cm@nhs.example")).permanent
    assert failure(mail.send, mails(box), outgoing(By.EMAIL, "a@b\r\nBcc: c@d")).permanent
    away = failure(mail.send, mails(box, smtp_port=1), outgoing(By.EMAIL, "cm@nhs.example"))
    assert not away.permanent
    assert box.taken == []


def governs(gov: Notify, **changed: Any) -> Settings:
    """Settings that lead to Notify."""
    own = {
        "notify_api_key": KEY,
        "notify_url": gov.url,
        "notify_sms_template": "t-sms",
        "notify_email_template": "t-em",
    }
    return settings(**own | changed)


def test_notify_takes_sms_and_email_under_our_reference(gov: Notify) -> None:
    for by, to in ((By.SMS, "phone_number"), (By.EMAIL, "email_address")):
        message = outgoing(by, "07700900123")
        taken = notify.send(governs(gov), message)
        assert taken.receipt == gov.taken[-1]["id"]
        assert gov.taken[-1]["reference"] == f"{message.id}/1"
        assert gov.taken[-1][to] == "07700900123"
        assert gov.taken[-1]["personalisation"]["message"] == f"{said()} https://ward.example"


def test_an_answer_of_notify_that_was_lost_does_not_make_a_second_sms(gov: Notify) -> None:
    gov.lose = 1
    first = outgoing(By.SMS, "07700900123")
    assert not failure(notify.send, governs(gov), first).permanent
    again = Outgoing(first.id, first.way, first.place, first.body, again=True, at=utc_now())
    assert notify.send(governs(gov), again).receipt == gov.taken[0]["id"]
    assert len(gov.taken) == 1
    gov.taken[0]["status"] = "permanent-failure"
    assert failure(notify.send, governs(gov), again).gone


def test_what_notify_refuses(gov: Notify) -> None:
    for status, permanent in ((400, True), (403, True), (429, False), (500, False), (503, False)):
        gov.refuse = status
        why = failure(notify.send, governs(gov), outgoing(By.SMS, "07700900123"))
        assert (why.reason, why.permanent) == (f"Notify answered {status}", permanent)
    assert failure(notify.send, settings(), outgoing(By.SMS, "07700900123")).reason == "Notify is not set up"


def test_apprise_carries_the_same_words(receiver: Receiver) -> None:
    others.send(settings(webhook_allow_private=True), outgoing(By.APPRISE, f"json://127.0.0.1:{receiver.port}/a"))
    (call,) = receiver.calls
    sent = json.loads(call.body)
    assert sent["message"] == f"{said()} https://ward.example"
    assert "Ann" not in call.body.decode()
    receiver.answers["a"] = [500]
    why = failure(
        others.send,
        settings(webhook_allow_private=True),
        outgoing(By.APPRISE, f"json://127.0.0.1:{receiver.port}/a"),
    )
    assert not why.permanent
    assert failure(others.send, settings(), outgoing(By.APPRISE, "nonsense")).permanent


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433"])
def test_apprise_calls_no_private_network_either(receiver: Receiver, host: str) -> None:
    why = failure(others.send, settings(), outgoing(By.APPRISE, f"json://{host}:{receiver.port}/a"))
    assert (why.reason, why.permanent) == (PRIVATE, True)
    assert receiver.calls == []
