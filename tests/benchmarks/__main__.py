"""`make bench`: the promises about speed and truth, each measured with its other side in the same run.

    python -m tests.benchmarks [build] [truth] [sizes]      all of them if none is named

Nothing here is asserted: these are figures for people, from whatever machine they are made on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.benchmarks import build, sizes, truth

BENCHMARKS: dict[str, Callable[[], None]] = {"build": build.main, "truth": truth.main, "sizes": sizes.main}


def main(words: list[str]) -> int:
    unknown = [word for word in words if word not in BENCHMARKS]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name in words or BENCHMARKS:
        BENCHMARKS[name]()
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
