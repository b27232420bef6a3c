"""Benchmarks of hotloop; each folder is one, started with `python -m bench.NAME`."""
