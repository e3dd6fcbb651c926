"""The HTTP API that Mediarelay serves to clients."""
