"""What an operator needs to know: the facts of a deployment, its problems, and what is stuck."""
