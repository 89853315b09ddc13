"""What a reader of reports chooses from. It imports nothing: the commands name it before they do anything."""

from enum import StrEnum


class Every(StrEnum):
    """How far apart the instants of a series are."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class By(StrEnum):
    """What wards are put together by; each alone, or all of them as one."""

    WARD = "ward"
    PATHWAY = "pathway"
    PROVIDER = "provider"
    ICB = "icb"
    ALL = "all"
