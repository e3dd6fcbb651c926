"""The CTS-compatible provider's messages."""
