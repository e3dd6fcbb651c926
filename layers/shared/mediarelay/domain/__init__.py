"""Pure rules: tasks and songs, schedules, budgets. They do no I/O and read neither a clock nor random numbers."""
