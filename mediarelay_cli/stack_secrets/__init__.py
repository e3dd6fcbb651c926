"""The secrets of a stack: read, edited and written back without losing what is in them, and proved live."""
