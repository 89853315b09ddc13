"""Runs a part that serves for long, without what only a terminal needs: `python -m monitoring.lean workers.worker`.

structlog and httpx import rich, and with it pygments, wherever it is installed, to colour what nobody looks at here:
some 7 MB in each process. Both do without where it cannot be imported.
"""

import runpy
import sys

if __name__ == "__main__":
    sys.modules["rich"] = None  # type: ignore[assignment]  # what Python itself writes where an import is barred
    _, module = sys.argv
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
