"""A later release, as far as the schema goes: a few migrations more, which only add (F12)."""
