"""What stands between the Lambda runtime and the use cases."""
