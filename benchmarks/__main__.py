"""Runs the benchmarks by name; each prints its table and, as its last line, one JSON object."""

import importlib
import os
import pkgutil
import sys

import benchmarks


def main() -> int:
    names = sorted(
        m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_") and m.name != "ground"
    )
    only = os.environ.get("ONLY", "")
    if only and only not in names:
        print(f"There is no benchmark “{only}”; there are: {', '.join(names)}", file=sys.stderr)
        return 2
    for name in [only] if only else names:
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
