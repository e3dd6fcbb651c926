"""What the system does, one module per job; adapters are handed in."""
