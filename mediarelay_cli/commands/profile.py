"""`mediarelay profile`: the stacks that the command line knows."""

import os
from typing import Annotated

import typer

from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.profiles import Profile, config_file, local_file, read_profiles, save_profile

profile = typer.Typer(no_args_is_help=True, help="Add and list profiles: which stack to use, and with which token.")
app.add_typer(profile, name="profile")

SHOWN = ("name", "stack", "region", "api_url")


@profile.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the profile; `default` is used when no profile is named.")],
    token: Annotated[str, typer.Option(prompt=True, hide_input=True, help="Bearer token of an API client.")],
    stack: Annotated[str, typer.Option(help="CloudFormation stack whose outputs name the API.")] = "",
    region: Annotated[str, typer.Option(help="AWS region of the stack.")] = "",
    aws_profile: Annotated[str, typer.Option(help="Profile of the AWS CLI with the credentials.")] = "",
    api_url: Annotated[str, typer.Option(help="URL of the API, if you have no AWS credentials.")] = "",
) -> None:
    """Add a profile, or replace it.

    Example: `mediarelay profile add default --stack mediarelay --region eu-west-1`
    """
    file = config_file(os.environ)
    new = Profile(name=name, token=token, stack=stack, region=region, aws_profile=aws_profile, api_url=api_url)
    save_profile(file, new)
    session(context).printer.note(f"saved the profile {name} in {file}")


@profile.command("list")
def list_profiles(context: typer.Context, as_json: AsJson = False) -> None:
    """List the profiles, without their tokens.

    Example: `mediarelay profile list`
    """
    printer = session(context, as_json=as_json).printer
    found = read_profiles(local_file(os.environ)) | read_profiles(config_file(os.environ))
    rows = [{name: getattr(one, name) for name in SHOWN} for one in found.values()]
    if printer.as_json:
        printer.json(rows)
    else:
        printer.table([*SHOWN], [list(row.values()) for row in rows], flexible="api_url")
