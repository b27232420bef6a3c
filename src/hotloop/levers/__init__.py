"""Ways of making the loop shorter: each has a name, a switch and an account."""
