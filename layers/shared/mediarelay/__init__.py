"""Mediarelay: the serverless backend between a CTS-compatible transcoder and its subscribers."""
