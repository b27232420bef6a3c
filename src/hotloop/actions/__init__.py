"""What a model asks for, and the dialects it is written in."""
