"""Pure request and callback signatures: no I/O, no clock, no randomness."""
