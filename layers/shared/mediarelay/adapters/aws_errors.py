"""What a call of AWS raises if it fails.

botocore has no common base class: an answer that is not of the service's form, such as the error page of a load
balancer before SNS, is a `ResponseParserError`, which is none of `BotoCoreError`.
"""

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

NO_ANSWER = (BotoCoreError, ResponseParserError)
"""The service did not answer, or not in its form."""
AWS_ERRORS = (ClientError, *NO_ANSWER)
"""The same, or it answered with an error (`ClientError`)."""
