"""A run on one NVIDIA GPU, row by row, each within its time: `python benchmarks/gpu.py`."""
