"""The README's pictures are of the pages as they are."""

import re
from pathlib import Path

from tests.pictures import FOLDER, TAKEN_OF, looks

ROOT = Path(__file__).parents[1]


def test_the_pictures_were_taken_of_the_pages_as_they_look_now() -> None:
    assert (FOLDER / TAKEN_OF).read_text().strip() == looks(), "a page changed: `make pictures`, and look at them"


def test_every_picture_is_shown_and_every_one_shown_is_there() -> None:
    shown = set(re.findall(r"docs/pictures/([\w-]+\.png)", (ROOT / "README.md").read_text()))
    assert shown == {path.name for path in FOLDER.glob("*.png")}
