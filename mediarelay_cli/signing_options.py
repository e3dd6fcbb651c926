"""The options of `mediarelay sign` and `mediarelay verify`."""

from typing import Annotated

import typer

SecretFile = Annotated[
    str, typer.Option("--secret-file", metavar="FILE", help="File with the secret (`-`: stdin). By default, a prompt.")
]
Request = Annotated[
    str, typer.Option(metavar="FILE", help="The request as it is sent: request line, headers, empty line, body.")
]
Url = Annotated[str, typer.Option(help="URL of the request, if you give no --request.")]
Method = Annotated[str, typer.Option(help="HTTP method. By default, POST with a body and GET without.")]
Header = Annotated[list[str] | None, typer.Option(help="Header as `Name: value`; several times for several headers.")]
Body = Annotated[str, typer.Option(metavar="FILE", help="File with the body (`-`: stdin).")]
Timestamp = Annotated[str, typer.Option(help="UNIX seconds, as they are sent. By default, now.")]
SentTimestamp = Annotated[str, typer.Option(help="The timestamp as it was sent, unless the request contains it.")]
Signature = Annotated[str, typer.Option(help="The signature as it was sent, unless the request contains it.")]
Nonce = Annotated[str, typer.Option(help="The nonce, as it is sent.")]
Service = Annotated[str, typer.Option(help="Service in the scope of the signature.")]
MessageId = Annotated[str, typer.Option("--id", help="`webhook-id`.")]
At = Annotated[int | None, typer.Option(help="UNIX seconds at which the request arrived. By default, now.")]
TheirText = Annotated[
    str, typer.Option("--their-text", metavar="FILE", help="The text that the client signed, to see where it differs.")
]
