"""`mediarelay urls`: the addresses to paste into the provider's console."""

import typer

from mediarelay_cli.app import AsJson, app, session


@app.command()
def urls(context: typer.Context, as_json: AsJson = False) -> None:
    """Print the addresses that others call. Those of callbacks contain the newest callback token: keep them secret.

    Example: `mediarelay urls`
    """
    from mediarelay_cli.addresses import addresses  # noqa: PLC0415 - it imports providers

    current = session(context, as_json=as_json)
    found = addresses(current)
    if current.printer.as_json:
        current.printer.json(found)
        return
    for one in found:
        current.printer.line(one["url"])
        current.printer.line(f"  {one['caller']}", "dim")
