"""`make bench`: every benchmark, each against a named rival in the same run; prints ratios, asserts nothing."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def main(wanted: list[str]) -> int:
    failed = 0
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        name = path.stem.removeprefix("bench_")
        if wanted and name not in wanted:
            continue
        print(f"\n== {name} ==", flush=True)
        try:
            # Under its own name, not as __main__: what it hands to a process of its own must be found there again.
            import_module(f"tests.benchmarks.{path.stem}").main()
        except Exception as error:  # one broken benchmark must not hide the others' figures
            failed += 1
            print(f"{name} did not finish: {type(error).__name__}: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
