"""Every operation of the served document, over HTTP, by every role: no 5xx, nothing that the document does not say.

Shortly in the suite; for longer, `make fuzz` (VIRTUAL_WARD_CONTRACT_ROUNDS says on how many wards, one after another).
"""

from typing import Final

import pytest

from tests.contract.served import ROUNDS, Effort, Served

EFFORT: Final = Effort(requests=15, callers=12) if ROUNDS else Effort(requests=2, callers=2)


@pytest.mark.parametrize("number", range(ROUNDS or 1))
def test_every_answer_is_one_that_the_document_describes(served: Served, number: int) -> None:
    wrong = [fault for one in served.operations() for fault in served.faults(one, EFFORT, number)]
    assert not wrong, "\n\n".join(wrong)
