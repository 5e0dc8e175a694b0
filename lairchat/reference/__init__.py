"""The pages of the reference, written from the code: `manage.py docs` stores them, and a test compares."""
