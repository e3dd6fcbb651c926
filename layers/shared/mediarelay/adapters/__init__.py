"""The only modules that talk to AWS (botocore) or to the provider (requests)."""
