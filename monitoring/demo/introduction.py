"""What the demo says of itself before its story begins: addresses, tokens, and how fast time passes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from monitoring.demo.seed import Home
from monitoring.demo.staff import JOY, OSEI, UCR_TEAM, Colleague

NAMES: Final = 12  # columns


def introduce(
    console: Console,
    url: str,
    door: str,
    staff: Mapping[str, Colleague],
    homes: Sequence[Home],
    speed: float,
    pace: float,
) -> None:
    """Where everything is, who works there, and what will happen. Tokens are not wrapped: they are to be copied.

    `door`: the path that signs somebody in at a browser.
    """
    wards = Counter(home.ward for home in homes)
    console.print()
    _say(console, "board", f"{url}{door}   (works once; signs you in as {JOY})")
    _say(console, "API", url)
    _say(console, "its pages", f"{url}/schema")
    _say(console, "live events", f"{url}/v1/live")
    _say(console, "patients", f"{len(homes)}: " + ", ".join(f"{count} on {ward}" for ward, count in wards.items()))
    _say(console, "UCR", f"team {UCR_TEAM}, day and night, and the county's behind it")
    _say(console, "time", f"patients live {speed / 60:g} hours a minute; for staff and crews minutes pass in seconds:")
    _say(console, "", f"one in {60 / pace:.2g} s, so ladders climb and crews travel as you watch")
    console.print("\n  Tokens\n")
    for one in staff.values():
        if one.name != OSEI:  # simulated, as the rest of the ward is
            _say(console, one.role, f"{one.token}  {one.name}")
    console.print()


def _say(console: Console, name: str, what: str) -> None:
    console.print(Text.assemble((f"  {name:<{NAMES}}", "dim"), what), soft_wrap=True, highlight=False)
