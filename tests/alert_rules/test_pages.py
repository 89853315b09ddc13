"""The clinical pages say what the code does, and what they are not."""

import pytest

from tests.spec.render import PAGES, ROOT

CLINICAL = [path for path in PAGES if path.startswith("docs/clinical/")]


@pytest.mark.parametrize("path", PAGES)
def test_the_page_says_what_the_code_and_the_tables_say(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == PAGES[path](), "run python -m tests.spec.render"


def test_every_page_in_the_clinical_folder_is_written_from_the_code() -> None:
    assert {str(page.relative_to(ROOT)) for page in (ROOT / "docs/clinical").glob("*.md")} == set(CLINICAL)


@pytest.mark.parametrize("path", CLINICAL)
def test_every_page_says_that_no_clinical_safety_officer_has_signed_it(path: str) -> None:
    page = (ROOT / path).read_text(encoding="utf-8")
    assert "clinical safety officer" in page
    assert "not for patient care" in page
