"""Measure an endpoint under agent-shaped load."""
