"""Tasks: the log of a task, its merge, and its lifecycle."""
