"""A song in a room: what the room may use of it, and what subscribers learn about it."""
