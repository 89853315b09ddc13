"""The tables of codes and units: sound by their check digits, and exact."""

from decimal import Decimal

import pytest
from stdnum import luhn, verhoeff

from devices.codes import CONCEPTS, CONSCIOUSNESS, WORDS
from devices.plausible import POSSIBLE
from devices.units import conversion, mdc_conversion

CODES = [*CONCEPTS, *CONSCIOUSNESS]


@pytest.mark.parametrize("code", [code for system, code in CODES if system == "snomed"])
def test_each_snomed_id_has_its_check_digit(code: str) -> None:
    assert verhoeff.is_valid(code)


@pytest.mark.parametrize("code", [code for system, code in CONCEPTS if system == "loinc"])
def test_each_loinc_code_has_its_check_digit(code: str) -> None:
    assert luhn.is_valid(code.replace("-", ""))


@pytest.mark.parametrize(
    ("code", "concept"), [(code, one) for (system, code), one in CONCEPTS.items() if system == "mdc"]
)
def test_each_mdc_code_stands_in_the_partition_of_its_kind(code: str, concept: str) -> None:
    infrastructure, supervisory, dimensions_of_bodies = 8, 2, 1
    partition = int(code) >> 16
    assert partition in {infrastructure, supervisory, dimensions_of_bodies}
    if concept in POSSIBLE:
        assert partition == supervisory, "a vital sign is a metric"


def test_a_mistyped_oxygen_concentration_is_not_known() -> None:
    assert ("loinc", "3150-6") not in CONCEPTS
    assert not luhn.is_valid("31506")
    assert CONCEPTS["loinc", "3150-0"] == "not_kept"


def test_every_code_has_words() -> None:
    assert all(WORDS[key] for key in CONCEPTS)


@pytest.mark.parametrize(
    ("field", "sent", "unit", "meant"),
    [
        ("pulse", "72", "{beats}/min", "72"),
        ("respiratory_rate", "18", "{Breaths}/min", "18"),
        ("temperature", "98.6", "[degF]", "37"),
        ("temperature", "98.69", "[degF]", "37.05"),
        ("temperature", "36.60", "Cel", "36.60"),
        ("systolic", "16", "kPa", "120.009852"),
        ("weight", "185", "[lb_av]", "83.914588"),
        ("glucose", "99", "mg/dL", "5.495233"),
        ("oxygen_flow", "500", "mL/min", "0.5"),
    ],
)
def test_a_value_is_converted_exactly(field: str, sent: str, unit: str, meant: str) -> None:
    how = conversion(field, unit)
    assert how is not None
    assert str(how.of(Decimal(sent))) == meant


def test_a_unit_of_another_kind_or_case_is_not_known() -> None:
    assert conversion("temperature", "%") is None
    assert conversion("systolic", "KPA") is None
    assert conversion("spo2", "1") is None, "0.97 could be anything"


def test_mdc_units_convert_alike() -> None:
    fahrenheit = mdc_conversion("temperature", "266560")
    assert fahrenheit is not None
    assert fahrenheit.of(Decimal("98.6")) == 37
    assert mdc_conversion("temperature", "268160") is None, "dyne seconds, which one system sends for Fahrenheit"
