"""Measured claims: each file has `main(arguments) -> rows`, and `python -m benchmarks` runs all."""
