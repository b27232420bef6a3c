"""The demo: `python -m examples.demo` lets hotloop fix a small package."""
