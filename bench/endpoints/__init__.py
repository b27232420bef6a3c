"""What the levers bring that need several endpoints."""
