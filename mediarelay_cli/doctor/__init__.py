"""The smoke test after a deployment: a list of checks, each of which stands alone."""
