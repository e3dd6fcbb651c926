"""The console in a headless Chromium, against a fake API with its real handler."""
