"""Adapters between the Lambda runtime and the use cases.

A handler imports this package before anything else but the standard library: a cold start begins here. It ends when
`observed` makes the handler.
"""

from mediarelay.aws_lambda.cold_start import begin

begin()
