"""What an operator does: read the status, find what is stuck, close circuits, look after dead letters."""
