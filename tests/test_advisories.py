"""An audit that could ask nobody is none."""

from tests.advisories import NONE, NOT_ASKED, SOME, Advisory, Package, Report, verdict

SOUND = Package("a", "1")
OURS = Package("virtual-ward", skip_reason="not on PyPI")
UNKNOWN = Package("b", skip_reason="Dependency not found on PyPI")
VULNERABLE = Package("c", "2", [Advisory("PYSEC-1", ["3"])])


def test_what_is_vulnerable_is_named_with_what_mends_it() -> None:
    assert verdict(Report([SOUND, VULNERABLE])) == (SOME, ["c 2: PYSEC-1, fixed in 3"])
    assert verdict(Report([UNKNOWN, VULNERABLE]))[0] == SOME


def test_packages_that_nobody_could_be_asked_about_are_not_taken_for_sound() -> None:
    status, (told,) = verdict(Report([SOUND, OURS, UNKNOWN]))
    assert status == NOT_ASKED
    assert told.startswith("NOT AUDITED: of 1 of 3 packages")
    assert verdict(Report([]))[0] == NOT_ASKED


def test_ours_alone_is_on_no_list() -> None:
    assert verdict(Report([SOUND, OURS]))[0] == NONE
