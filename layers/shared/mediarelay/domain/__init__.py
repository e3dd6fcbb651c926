"""Pure rules: media, tasks and their merge, schedules. No I/O, no clock, no randomness."""
