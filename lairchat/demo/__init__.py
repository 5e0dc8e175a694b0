"""A team that never was, for trying the chat out and for measuring it: `manage.py seed_demo`."""
