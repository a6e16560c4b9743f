"""jgd beside other libraries, measured side by side. See `python -m benchmarks --help`."""
