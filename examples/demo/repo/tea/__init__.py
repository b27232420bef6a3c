"""Steeping times, and a timer to keep to them."""
