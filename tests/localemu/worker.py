"""One execution environment of a function: `worker.py PORT FOLDER ...`, the folders being its code and its layers.

It loads the handler as AWS does, reports to LocalEmu that it is ready, and answers each POST to /invoke by posting what
the handler returned. Standard library only: the function must find nothing that its own layers lack.
"""

import importlib
import json
import logging
import os
import sys
import time
import traceback
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

API = os.environ["LOCALEMU_RUNTIME_ENDPOINT"]
IDENTITY = os.environ["LOCALEMU_RUNTIME_ID"]


class Context:
    """What AWS hands to a handler beside the event."""

    function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
    memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]

    def __init__(self, request_id, arn):
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self._end = time.monotonic() + float(os.environ["AWS_LAMBDA_FUNCTION_TIMEOUT"])

    def get_remaining_time_in_millis(self):
        return max(0, int((self._end - time.monotonic()) * 1000))


def post(path, value):
    host, _, prefix = API.removeprefix("http://").partition("/")
    connection = HTTPConnection(host)
    connection.request("POST", f"/{prefix}/{path}", value.encode(), {"Content-Type": "application/json"})
    connection.getresponse().read()
    connection.close()


def failure(error):
    trace = traceback.format_exception(error)
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace})


def load():
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    return getattr(importlib.import_module(module), name)


def run(handler, message):
    identity = message["invoke-id"]
    try:
        event = json.loads(message["payload"] or "{}")
        answer = json.dumps(handler(event, Context(identity, message["invoked-function-arn"])))
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is the function's error
        traceback.print_exc()
        post(f"invocations/{identity}/error", failure(error))
    else:
        post(f"invocations/{identity}/response", answer)


def serve(handler, port):
    class Invocations(BaseHTTPRequestHandler):
        def do_POST(self):
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            Thread(target=run, args=(handler, message)).start()

        def log_message(self, *_):
            pass

    return HTTPServer(("127.0.0.1", port), Invocations)


def main():
    sys.path[:0] = sys.argv[2:]
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    try:
        handler = load()
    except Exception as error:
        post(f"status/{IDENTITY}/error", failure(error))
        raise
    with serve(handler, int(sys.argv[1])) as server:
        post(f"status/{IDENTITY}/ready", "{}")
        server.serve_forever()


if __name__ == "__main__":
    main()
