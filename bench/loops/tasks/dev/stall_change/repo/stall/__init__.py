"""The cash of a fairground stall."""
