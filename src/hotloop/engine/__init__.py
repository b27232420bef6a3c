"""Models and the processes that serve them on this machine."""
