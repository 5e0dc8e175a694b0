"""Lair Chat: the team chat an organisation runs on its own machine."""

VERSION = "0.1.0"
