"""What-if against really running the same session elsewhere."""
