"""The loop, its step, budget, transcript and prompts."""
