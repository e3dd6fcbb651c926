"""`mediarelay sign`: sign a request or callback by each scheme, and show what is signed."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

import typer

from mediarelay.signing.tc3 import ALGORITHM
from mediarelay_cli import signing_options as options
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.http_message import HttpMessage, message, read_bytes
from mediarelay_cli.secret_input import read_secret
from mediarelay_cli.signatures import qcloud as v2
from mediarelay_cli.signatures import tokens, webhooks
from mediarelay_cli.signatures.joined import mps_callback, zego_callback, zego_server_api
from mediarelay_cli.signatures.requests import tc3_recipe

sign = typer.Typer(
    no_args_is_help=True, help="Sign a request: print the text to sign, the signature, and the lines to send."
)
app.add_typer(sign, name="sign")

SIGNED_HEADERS = ("content-type", "host")
NONCE_BITS = 31


def show(
    context: typer.Context, as_json: bool, texts: Mapping[str, str], signature: str, send: Mapping[str, str]
) -> None:
    """Print the texts that are signed, the signature, and the lines to send."""
    printer = session(context, as_json=as_json).printer
    if printer.as_json:
        printer.json({**texts, "signature": signature, "send": dict(send)})
        return
    for label, text in {**texts, "signature": signature}.items():
        printer.line(f"{label.replace('_', ' ')}:", "bold")
        printer.line(text)
    printer.line("send:", "bold")
    for name, value in send.items():
        printer.line(f"{name}: {value}")


@sign.command()
def qcloud(
    context: typer.Context,
    url: options.Url = "",
    param: Annotated[list[str] | None, typer.Option(help="Parameter as `name=value`, not URL-encoded.")] = None,
    secret_id: Annotated[str, typer.Option(help="SecretId, unless it is a parameter.")] = "",
    method: options.Method = "",
    body: options.Body = "",
    request: options.Request = "",
    timestamp: options.Timestamp = "",
    nonce: options.Nonce = "",
    sha1: Annotated[bool, typer.Option("--sha1", help="Sign with HMAC-SHA1.")] = False,
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Sign a call of API v2 (CTS). Missing common parameters are added.

    Example: `mediarelay sign qcloud --url https://cdn.api.qcloud.com/v2/index.php --param Action=GetCtsInfo
    --param vid=a1 --secret-id AKIDexample --secret-file key.txt`
    """
    sent = message(request, url, method, (), body)
    given = (*sent.pairs, *(_pair(one) for one in param or ()))
    common = {
        "SecretId": secret_id,
        "Timestamp": timestamp or str(int(time.time())),
        "Nonce": nonce or str(secrets.randbits(NONCE_BITS) | 1),
        "SignatureMethod": "HmacSHA1" if sha1 else "HmacSHA256",
    }
    pairs = (*given, *((name, value) for name, value in common.items() if name not in dict(given)))
    if not dict(pairs)["SecretId"]:
        raise CliError("the SecretId is unknown", "Give --secret-id.", Exit.USAGE)
    right = v2.recipe(read_secret(secret_file, "Secret key"), sent.method, sent.host, sent.path or v2.PATHS[0], pairs)
    send = {
        "url": f"https://{right.host}{right.path}",
        "parameters": urlencode([*pairs, (v2.SIGNATURE, right.signature)]),
    }
    show(context, as_json, {"string_to_sign": right.text.decode()}, right.signature, send)


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise CliError(f"--param {text}: no `=`", "Write it as `name=value`.", Exit.USAGE)
    return name, value


@sign.command()
def tc3(
    context: typer.Context,
    url: options.Url = "",
    secret_id: Annotated[str, typer.Option(help="SecretId.")] = "",
    body: options.Body = "",
    header: options.Header = None,
    method: options.Method = "",
    request: options.Request = "",
    service: options.Service = "mps",
    timestamp: options.Timestamp = "",
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Sign a call of API 3.0 (MPS) by TC3-HMAC-SHA256. The headers content-type and host are signed.

    Example: `mediarelay sign tc3 --url https://mps.tencentcloudapi.com --body call.json --secret-id AKIDexample`
    """
    sent = _with_content_type(message(request, url, method, header or (), body))
    right = tc3_recipe(
        read_secret(secret_file, "Secret key"), service, sent, SIGNED_HEADERS, timestamp or str(int(time.time()))
    )
    credential = f"Credential={secret_id}/{right.scope}, SignedHeaders={';'.join(SIGNED_HEADERS)}"
    send = {
        "Authorization": f"{ALGORITHM} {credential}, Signature={right.signature}",
        "Content-Type": sent.headers["content-type"],
        "Host": sent.host,
        "X-TC-Timestamp": right.timestamp,
    }
    texts = {"canonical_request": right.canonical_request, "string_to_sign": right.text.decode()}
    show(context, as_json, texts, right.signature, send)


def _with_content_type(sent: HttpMessage) -> HttpMessage:
    return replace(sent, headers={"content-type": "application/json"} | sent.headers)


@sign.command()
def webhook(
    context: typer.Context,
    body: options.Body,
    message_id: options.MessageId = "",
    timestamp: options.Timestamp = "",
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Sign a message by Standard Webhooks: a relay of songs, or a notification.

    Example: `mediarelay sign webhook --body relay.json --secret-file whsec.txt`
    """
    identity, at = message_id or f"msg_{secrets.token_hex(12)}", timestamp or str(int(time.time()))
    right = webhooks.recipe(read_secret(secret_file, "Webhook secret"), identity, at, read_bytes(body))
    send = {"webhook-id": identity, "webhook-timestamp": at, "webhook-signature": webhook_signature(right)}
    show(context, as_json, {"string_to_sign": right.text.decode("utf-8", "replace")}, right.signature, send)


def webhook_signature(right: webhooks.WebhookRecipe) -> str:
    """Return the signature of a message. Raises `CliError` if the secret is not base64."""
    try:
        return right.signature
    except ValueError as error:
        raise CliError("the webhook secret is not base64", "It looks like `whsec_` and base64.", Exit.USAGE) from error


@sign.command()
def zego(
    context: typer.Context,
    nonce: options.Nonce = "",
    timestamp: options.Timestamp = "",
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Sign a callback of ZEGO: the fields signature, timestamp and nonce of a relay.

    Example: `mediarelay sign zego --secret-file callback-secret.txt`
    """
    at, once = timestamp or str(int(time.time())), nonce or str(secrets.randbits(NONCE_BITS))
    right = zego_callback(read_secret(secret_file, "Callback secret"), at, once)
    send = {"signature": right.signature, "timestamp": at, "nonce": once}
    show(context, as_json, {"string_to_sign": right.shown}, right.signature, send)


@sign.command("zego-api")
def zego_api(
    context: typer.Context,
    app_id: Annotated[str, typer.Option(help="AppId.")],
    nonce: options.Nonce = "",
    timestamp: options.Timestamp = "",
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Sign a call to ZEGO's server API (SignatureVersion 2.0).

    Example: `mediarelay sign zego-api --app-id 12345 --secret-file server-secret.txt`
    """
    at, once = timestamp or str(int(time.time())), nonce or secrets.token_hex(8)
    right = zego_server_api(read_secret(secret_file, "Server secret"), app_id, once, at)
    send = {
        "AppId": app_id,
        "SignatureNonce": once,
        "Timestamp": at,
        "SignatureVersion": "2.0",
        "Signature": right.signature,
    }
    show(context, as_json, {"string_to_sign": right.shown}, right.signature, send)


@sign.command()
def mps(
    context: typer.Context,
    timestamp: Annotated[str, typer.Option(help="`Timestamp`, the expiry. By default, in 10 minutes.")] = "",
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Compute `Sign` of a callback of MPS.

    Example: `mediarelay sign mps --secret-file notify-key.txt`
    """
    expires = timestamp or str(int(time.time()) + 600)
    right = mps_callback(read_secret(secret_file, "Notify key"), expires)
    send = {"Timestamp": expires, "Sign": right.signature}
    show(context, as_json, {"string_to_sign": right.shown}, right.signature, send)


@sign.command()
def token(
    context: typer.Context,
    secret_file: options.SecretFile = "",
    as_json: AsJson = False,
) -> None:
    """Hash the bearer token of an API client, for the secret ApiClients.

    Example: `mediarelay sign token --secret-file token.txt`
    """
    right = tokens.TokenRecipe(secret=read_secret(secret_file, "Token"))
    show(context, as_json, {}, right.signature, {"sha256": right.signature})
