"""The driver with threads."""
