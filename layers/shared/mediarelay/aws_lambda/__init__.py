"""What stands between Lambda and the use cases."""
