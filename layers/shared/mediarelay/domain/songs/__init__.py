"""Songs: the lease of a song in a room, and the events of that lease."""
