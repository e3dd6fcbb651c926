"""Write the secrets of a stack once, and keep what a person changes in them: rotated keys, further clients."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.aws import client
from local.deploy import Deployment
from local.environment import Keys

Values = dict[str, Any]


def put_secrets(deployment: Deployment) -> Keys:
    """Write the stack's secrets, as an operator does after a first deployment. Return the keys that are in force.

    | stored value | afterwards |
    | --- | --- |
    | the template's generated one, or unreadable | the stack's own |
    | written before | as it is, with the fields and the client that it lacks |
    """
    secrets = client(deployment.env, "secretsmanager")
    found = dict[str, Values]()
    for output, own in _own(deployment).items():
        secret = deployment.outputs[output]
        text = secrets.get_secret_value(SecretId=secret)["SecretString"]
        # The value that CloudFormation has generated is the first version.
        is_generated = len(secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]) == 1
        found[output] = own if is_generated else completed(text, own)
        if is_generated or found[output] != _parsed(text):
            secrets.put_secret_value(SecretId=secret, SecretString=json.dumps(found[output]))
    return keys_in_force(deployment.env.keys, found)


def _own(deployment: Deployment) -> dict[str, Values]:
    keys = deployment.env.keys
    pair = {"secret_id": keys.secret_id, "secret_key": keys.secret_key}
    # The host name in the stack's outputs resolves only on AWS.
    notify_url = f"{deployment.api_url}/callbacks/mps/{keys.callback_token}"
    notify = {"notify_url": notify_url, "notify_key": keys.notify_key}
    return {
        "ProviderKeysSecret": {"cts": pair, "mps": pair | notify},
        "CallbackTokensSecret": {"tokens": keys.callback_token, "notify_keys": keys.notify_key},
        "ApiClientsSecret": keys.clients,
        "MusicSecret": {"webhook_secrets": keys.music, "callback_secrets": keys.music},
    }


def completed(text: str, own: Mapping[str, Any]) -> Values:
    """Return a stored secret with the fields that it lacks. A list also gets the entries with a name that it lacks."""
    stored = _parsed(text)
    if not isinstance(stored, dict):
        return dict(own)
    return dict(own) | {name: _with_entries(value, own.get(name)) for name, value in stored.items()}


def _with_entries(stored: object, own: object) -> object:
    if not (isinstance(stored, list) and isinstance(own, list)):
        return stored
    names = {entry.get("name") for entry in stored if isinstance(entry, dict)}
    return [*stored, *(entry for entry in own if entry["name"] not in names)]


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def keys_in_force(keys: Keys, secrets: Mapping[str, Values]) -> Keys:
    """Return the keys with which a provider and a game server sign by the stored secrets; the first of several."""
    pair, tokens, music = (secrets[name] for name in ("ProviderKeysSecret", "CallbackTokensSecret", "MusicSecret"))
    cts = pair["cts"] if isinstance(pair.get("cts"), dict) else {}
    return replace(
        keys,
        secret_id=_first(cts.get("secret_id"), keys.secret_id),
        secret_key=_first(cts.get("secret_key"), keys.secret_key),
        callback_token=_first(tokens.get("tokens"), keys.callback_token),
        music=_first(music.get("webhook_secrets"), keys.music),
    )


def _first(stored: object, own: str) -> str:
    """Return the first of several texts, which a field states as a list or separated by spaces or commas."""
    texts = stored if isinstance(stored, list) else str(stored or "").replace(",", " ").split()
    return str(texts[0]) if texts else own
