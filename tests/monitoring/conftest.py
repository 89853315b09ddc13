"""The API of a ward, for every test below."""

from collections.abc import Iterator

import pytest

from tests.monitoring.api import Api
from tests.ward import Ward


@pytest.fixture
def api(ward: Ward) -> Iterator[Api]:
    """One API process on the ward's database and queue."""
    with Api(ward) as running:
        yield running
