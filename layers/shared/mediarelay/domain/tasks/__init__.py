"""A task: what is known of it, how it moves on, and what happens next."""
