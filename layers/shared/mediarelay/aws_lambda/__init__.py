"""Adapters between the Lambda runtime and the use cases.

A handler imports this package before the rest of our code. The garbage collector is off from then until `observed`
makes the handler. Modules and clients live as long as the process, and searching them for garbage makes a cold start 5
to 12 % longer.
"""

import gc

gc.disable()
