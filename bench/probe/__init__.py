"""How right a probe is: its figures against what was planted, its time marks and its own cost."""
