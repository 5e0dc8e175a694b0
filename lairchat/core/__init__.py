"""The floor: the log, actions, events and what every app needs."""
