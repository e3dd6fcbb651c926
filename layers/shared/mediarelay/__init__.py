"""Mediarelay: the serverless backend between transcoding providers and the subscribers of their outcomes."""
