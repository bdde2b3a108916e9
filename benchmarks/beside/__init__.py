"""Speed beside what one would use instead, in turns in one run: `python benchmarks/speed.py`."""
