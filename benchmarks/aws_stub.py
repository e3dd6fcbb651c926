"""A server that answers DynamoDB and Secrets Manager at once, in a process of its own whose CPU time does not count.

Run `python -m benchmarks.aws_stub`: it prints its port and ends with its standard input. `GET /count` returns how many
calls it has answered.
"""

import asyncio
import json
import re
import sys
import zlib

# DynamoDB's answer to a write about a task with this prefix is that the item is there already.
STORED = "stored"
TOKEN = "example-callback-token"  # noqa: S105 the token in the URL of the sample event
SECRET = json.dumps({"ARN": "x", "Name": "x", "SecretString": json.dumps({"tokens": [TOKEN]})}).encode()
REFUSED = json.dumps(
    {
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
    }
).encode()
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """One connection; `answered` counts the calls of all of them."""

    answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with an empty buffer."""
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer a request once it is complete. Clients wait for each answer."""
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if end and len(body) >= (int(length[1]) if length else 0):
            self.buffer = b""
            self.transport.write(self._answer(head, body))  # type: ignore[attr-defined]

    def _answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"GET /count"):
            return _response("200 OK", str(Connection.answered).encode())
        Connection.answered += 1
        if b"GetSecretValue" in head:
            return _response("200 OK", SECRET)
        if f"TASK#{STORED}".encode() in body:
            return _response("400 Bad Request", REFUSED)
        return _response("200 OK", b"{}")


def _response(status: str, body: bytes) -> bytes:
    """Return a response with the headers of DynamoDB. The SDK compares the checksum with the body."""
    head = f"""HTTP/1.1 {status}
Server: Server
Date: Wed, 04 Mar 2026 05:06:07 GMT
Content-Type: application/x-amz-json-1.0
Content-Length: {len(body)}
Connection: keep-alive
x-amzn-RequestId: 5KJ1ETQ2AEXAMPLE0Q8TO6GVVBVV4KQNSO5AEMVJF66Q9ASUAAJG
x-amz-crc32: {zlib.crc32(body)}

"""
    return head.replace("\n", "\r\n").encode() + body


async def serve() -> None:
    """Serve until the standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
