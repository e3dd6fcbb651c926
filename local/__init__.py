"""Run all of Mediarelay on this machine: the emulated AWS, the real template, and the engine as the provider."""
