"""Runs a part without what only a terminal needs: `python -m monitoring.lean workers.worker`.

structlog and httpx import rich, and with it pygments, wherever it is installed, to colour what nobody looks at here:
some 7 MB in each process. Both do without where it cannot be imported.

Nor does Python look for garbage while a part imports itself, which finds next to none and took a fifth of that time:
each part calls `resume_collecting` once it has begun.
"""

import gc
import runpy
import sys


def resume_collecting() -> None:
    """Begin to look for garbage, but not in what is there by now: that stays.

    Looking through it again and again held requests up for 0.1 to 0.3 s.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    gc.disable()
    sys.modules["rich"] = None  # type: ignore[assignment]  # what Python itself writes where an import is barred
    _, module = sys.argv
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
