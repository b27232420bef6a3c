"""How often an edit misses, and what it costs, in each way of writing it."""
