"""Benchmarks of jgd beside other libraries.

    python -m benchmarks single_run [--json FILE] [--markdown FILE] [--only NAME] [--quick]
    python -m benchmarks sweep [--json FILE] [--markdown FILE] [--picture FILE] [--only NAME] [--quick]
    python -m benchmarks optimum [--json FILE] [--markdown FILE] [--picture FILE] [--only NAME] [--data FOLDER] [--quick]
    python -m benchmarks diagnoses [FILE ...] [--seeds N] [--only NAME] [--json FILE] [--markdown FILE]

Each contestant is a process of its own; they take turns, and while one runs the others wait. Everything that is said about
speed is a ratio of medians measured side by side, and only where both reached the same objective, which we score in float64.
What must be installed is in the `peers` extra; what is not, is named in the output. Run it on an idle machine: the load is
printed.
"""

import importlib
import pkgutil
import sys

import benchmarks


def names() -> list[str]:
    modules = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return [name for name in modules if not name.startswith("_") and name != "contestants"]


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in names():
        print(__doc__, f"\nBenchmarks: {', '.join(names())}")
        return 0 if arguments in ([], ["-h"], ["--help"]) else 2
    return importlib.import_module(f"benchmarks.{arguments[0]}").main(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
