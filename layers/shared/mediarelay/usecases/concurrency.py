"""Writers of the same item: each reads the item, decides, and writes it on the condition that it is unchanged."""

# A writer starts over if another one was faster. Losing so often means that something else is wrong.
MAX_ATTEMPTS = 5
