"""The naive pipeline's processes, apart from its functions: RQ runs none of a main module, and a fork imports nothing.

python -m tests.benchmarks.naive_parts serve PORT
python -m tests.benchmarks.naive_parts work simple|forking
"""

import sys
from typing import Final

from litestar import Litestar
from rq import SimpleWorker, Worker

from tests.benchmarks.baseline import serve
from tests.benchmarks.naive_service import enqueue, queue

WORKERS: Final = {"simple": SimpleWorker, "forking": Worker}

if __name__ == "__main__":
    _, part, how = sys.argv
    if part == "serve":
        serve(Litestar([enqueue], openapi_config=None, logging_config=None), int(how))
    else:
        WORKERS[how]([queue()], connection=queue().connection).work(logging_level="WARNING")
