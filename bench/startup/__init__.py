"""How long hotloop takes to start, and what it takes per step itself."""
