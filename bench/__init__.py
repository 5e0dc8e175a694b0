"""Measurements of the real server beside the plain Channels chat: `python -m bench`."""
