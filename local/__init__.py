"""Brings the whole of Mediarelay up on this machine: the emulated AWS, the real template, the engine."""
