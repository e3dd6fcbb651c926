"""The DynamoDB table. Keys, prefixes, shards and typed attributes appear nowhere else."""
