"""What actions run: each tool declares its effect."""
