"""profiles list | show | add | remove | check: which accounts this computer knows."""

from __future__ import annotations

import argparse
import getpass
import sys
from dataclasses import asdict
from typing import Any

from core.base.errors import OpsError, WrongUse
from core.cli.console import Console, ask_code_on_terminal
from core.cli.group import Group
from core.settings.profiles import ENVIRONMENTS, MysqlSource, Profile, mysql_secret
from core.settings.secrets import environment_name


def register(groups: Any) -> None:
    group = Group(groups, "profiles", "the accounts and endpoints to work on")
    group.action("list", _list, "all profiles")
    group.action("show", _show, "one profile, without secrets").add_argument("name")
    add = group.action("add", _add, "add or replace a profile")
    add.add_argument("name")
    add.add_argument("--aws-profile", default="", help="profile name of the AWS configuration files")
    add.add_argument("--region", default="")
    add.add_argument("--environment", choices=ENVIRONMENTS, default="production")
    add.add_argument("--read-only", action="store_true", help="ask before every write")
    add.add_argument("--ca-bundle", default="", help="file with the CA certificates of private endpoints")
    add.add_argument(
        "--endpoint",
        action="append",
        default=[],
        metavar="SERVICE=URL",
        help="may be given several times; default=URL serves the rest",
    )
    group.action("remove", _remove, "forget a profile").add_argument("name")
    server = group.action(
        "add-mysql", _add_mysql, "add or replace a MySQL or MariaDB server: what backups save and pulls read"
    )
    server.add_argument("name", help="the profile")
    server.add_argument("server", help="what the server is called here")
    server.add_argument("--host", required=True)
    server.add_argument("--port", type=int, default=3306)
    server.add_argument("--user", default="root")
    server.add_argument(
        "--ca-file", default="", help="CA certificate of the server; with one its certificate is checked"
    )
    server.add_argument(
        "--no-password", action="store_true", help="keep none here: OPSDESK_SECRET_... or the keyring has it"
    )
    gone = group.action("remove-mysql", _remove_mysql, "forget a MySQL server; its password too")
    gone.add_argument("name", help="the profile")
    gone.add_argument("server")
    secret = group.action(
        "secret", _secret, "keep a password or key in the keyring: asked for on a terminal, else read from stdin"
    )
    secret.add_argument("secret", metavar="NAME", help="for example backup/nightly/smtp, or a plan's `identity`")
    secret.add_argument("--remove", action="store_true")
    group.action("check", _check, "ask AWS who you are there").add_argument("name")
    group.action("sign-in", _sign_in, "sign in to IAM Identity Center (SSO) in the browser").add_argument("name")


def _list(_options: argparse.Namespace, console: Console) -> None:
    rows = []
    for name in console.desk.profiles.names():
        profile = console.desk.profiles.get(name)
        rows.append(
            {
                "name": name,
                "kind": profile.kind,
                "environment": profile.environment,
                "region": profile.region,
                "read_only": profile.read_only,
            }
        )
    console.table(rows)


def _show(options: argparse.Namespace, console: Console) -> None:
    profile = asdict(console.desk.profiles.get(options.name))
    for entry in (*profile["warehouses"], *profile["mysql"]):
        entry.pop("password")
    console.result(profile)


def _add(options: argparse.Namespace, console: Console) -> None:
    endpoints = {}
    for entry in options.endpoint:
        service, sign, url = entry.partition("=")
        if not sign:
            raise WrongUse(
                f"{entry!r} is no endpoint",
                "It should be SERVICE=URL with an http or https URL",
                "For example s3=http://127.0.0.1:9000",
            )
        endpoints[service] = url
    console.desk.profiles.add(
        Profile(
            options.name,
            environment=options.environment,
            read_only=options.read_only,
            aws_profile=options.aws_profile,
            region=options.region,
            ca_bundle=options.ca_bundle,
            endpoints=endpoints,
        )
    )
    console.say(f"The profile {options.name} is stored.")


def _remove(options: argparse.Namespace, console: Console) -> None:
    console.desk.profiles.remove(options.name)
    console.say(f"The profile {options.name} is removed.")


def _add_mysql(options: argparse.Namespace, console: Console) -> None:
    source = MysqlSource(options.server, options.host, options.port, options.user, ca_file=options.ca_file)
    password = "" if options.no_password else _asked(f"Password of {options.user} at {options.host}")
    console.desk.profiles.put_mysql(options.name, source)
    console.say(f"The profile {options.name} has the server {options.server}.")  # also where the keyring refuses
    if password:
        console.desk.workplace.secrets.set(mysql_secret(options.name, options.server), password)


def _remove_mysql(options: argparse.Namespace, console: Console) -> None:
    console.desk.profiles.remove_mysql(options.name, options.server)
    try:
        console.desk.workplace.secrets.delete(mysql_secret(options.name, options.server))
    except OpsError as error:  # without a keyring there was none in it
        console.warn(f"Whether the keyring held its password is not known: {error}")
    console.say(f"The profile {options.name} has no server {options.server} any more.")


def _secret(options: argparse.Namespace, console: Console) -> None:
    secrets = console.desk.workplace.secrets
    if options.remove:
        secrets.delete(options.secret)
        console.say(f"{options.secret} is not kept any more.")
        return
    secrets.set(options.secret, _asked(options.secret, whole=True))
    console.say(f"{options.secret} is kept in the keyring. Timers read {environment_name(options.secret)} instead.")


def _asked(what: str, *, whole: bool = False) -> str:
    """A secret from the terminal, unseen, or from stdin: its first line, or (an identity file) all of it; never an argument,
    which anybody may read."""
    if sys.stdin.isatty():
        value = getpass.getpass(f"{what}: ")
    else:
        value = (sys.stdin.read() if whole else sys.stdin.readline()).rstrip("\r\n")
    if not value:
        raise WrongUse("There is nothing to keep", "An empty line was given", "Type it, or pipe it in")
    return value


def _check(options: argparse.Namespace, console: Console) -> None:
    from core.aws.health import who_am_i
    from core.desk import Desk

    desk = Desk(
        console.desk.places,
        console.desk.settings,
        console.desk.profiles,
        console.desk.profiles.get(options.name),
        ask_code_on_terminal,
    )
    try:
        identity = who_am_i(desk.aws)
    finally:
        desk.close()
    console.result(
        {
            "account": identity.account,
            "arn": identity.arn,
            "region": identity.region,
            "latency_ms": round(identity.latency, 1),
            "expires": identity.expires.isoformat() if identity.expires else None,
        }
    )


def _sign_in(options: argparse.Namespace, console: Console) -> None:
    from core.aws.sign_in import begin, portal_of, wait

    profile = console.desk.profiles.get(options.name)
    if profile.kind == "sandbox":
        raise WrongUse("The sandbox needs no sign-in", "It uses no account", "Name another profile")
    portal = portal_of(profile.aws_profile)
    invited = begin(portal)
    console.warn(f"Open {invited.url} and confirm the code {invited.code}.")
    console.do("wait for the browser", lambda job: wait(job, portal, invited))
    console.say(f"Signed in to {portal.start_url}.")
