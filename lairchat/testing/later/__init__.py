"""A later release, as far as the schema goes: one migration more, which only adds (F12)."""
