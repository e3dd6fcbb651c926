"""Mediarelay: the serverless backend between transcoding providers and the subscribers of their outcomes."""

# The version of the whole repository: `/health`, notifications and the command line state it.
__version__ = "1.0.0"
