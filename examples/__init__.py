"""Things to try hotloop on."""
