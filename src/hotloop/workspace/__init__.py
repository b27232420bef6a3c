"""The user's repository: paths, files, checkpoints, sandbox, search, definitions."""
