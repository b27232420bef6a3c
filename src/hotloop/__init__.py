"""hotloop: a code agent with a stopwatch."""

__version__ = "0.1.0"
