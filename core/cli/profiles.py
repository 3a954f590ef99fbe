"""profiles list | show | add | remove | check: which accounts this computer knows."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from core.base.errors import WrongUse
from core.cli.console import Console, ask_code_on_terminal
from core.cli.group import Group
from core.settings.profiles import ENVIRONMENTS, Profile


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
