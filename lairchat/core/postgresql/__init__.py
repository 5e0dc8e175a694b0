"""Django's PostgreSQL, with bounds on how long anybody waits for it (F4, F5)."""
