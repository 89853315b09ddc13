"""Settings come from the environment once, and a wrong one is refused by its own name."""

import pytest

from monitoring.config import PREFIX, Settings, WrongSetting, read_settings


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DATABASE_URL", "mysql://db", "String should match pattern '^postgresql://'"),
        ("DATABASE_OWNER_URL", "db.example", "String should match pattern '^postgresql://'"),
        ("QUEUE_URL", "amqp://queue", "String should match pattern '^(rediss?|unix|redis\\+sentinel)://'"),
        ("QUEUE_DURABILITY", "surely", "Input should be 'auto' or 'stated', got 'surely'"),
        ("STREAMS", "0", "Input should be greater than or equal to 1, got '0'"),
        ("STREAMS", "65", "Input should be less than or equal to 64, got '65'"),
        ("STREAMS", "many", "Input should be a valid integer, unable to parse string as an integer, got 'many'"),
        ("BACKLOG_MAX_MB", "-1", "Input should be greater than or equal to 1, got '-1'"),
        ("BACKLOG_MAX_AGE_S", "0", "Input should be greater than or equal to 1, got '0'"),
        ("PORT", "65536", "Input should be less than or equal to 65535, got '65536'"),
        ("METRICS_PORT", "x", "Input should be a valid integer, unable to parse string as an integer, got 'x'"),
        ("PUBLIC_URL", "ward.example", "String should match pattern '^https?://'"),
        ("SMTP_PORT", "0", "Input should be greater than or equal to 1, got '0'"),
        ("NOTIFY_CALLBACK_TOKEN", "short", "String should have at least 10 characters"),
        ("LOG_LEVEL", "loud", "Input should be 'debug', 'info', 'warning' or 'error', got 'loud'"),
        ("LOG_FORMAT", "xml", "Input should be 'json' or 'console', got 'xml'"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(WrongSetting) as refused:
        read_settings()
    assert str(refused.value) == f"{PREFIX}{name}: {reason}"


def test_all_wrong_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}STREAMS", "0")
    monkeypatch.setenv(f"{PREFIX}LOG_LEVEL", "loud")
    with pytest.raises(WrongSetting) as refused:
        read_settings()
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == [
        f"{PREFIX}STREAMS",
        f"{PREFIX}LOG_LEVEL",
    ]


def test_an_url_that_is_refused_keeps_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", "postgres://vw:hunter2@db/ward")
    with pytest.raises(WrongSetting) as refused:
        read_settings()
    assert "hunter2" not in str(refused.value)


def test_the_environment_is_read_and_what_is_said_counts_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}PORT", "9000")
    monkeypatch.setenv(f"{PREFIX}STREAMS", "4")
    assert (read_settings().port, read_settings().streams) == (9000, 4)
    assert (read_settings(port=9001).port, read_settings(port=9001).streams) == (9001, 4)


def test_what_is_said_is_judged_too() -> None:
    with pytest.raises(WrongSetting, match=f"{PREFIX}PORT"):
        read_settings(port=70_000)


def test_settings_do_not_change_once_they_are_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


def test_without_an_environment_there_is_a_default_for_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    assert read_settings() == Settings()
