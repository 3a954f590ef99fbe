"""sandbox start | stop | status | env | reset: the local stand-in for AWS."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from core.base.errors import OpsError
from core.cli.console import Console
from core.cli.group import Group


def register(groups: Any) -> None:
    group = Group(groups, "sandbox", "the local stand-in for AWS")
    start = group.action("start", _start, "start it and leave it running until `sandbox stop`")
    start.add_argument("--foreground", action="store_true", help="run until Ctrl-C instead")
    group.action("stop", _stop, "stop it, whoever uses it")
    group.action("status", _status, "what runs, and where")
    group.action("env", _env, "export lines that make the aws command and any SDK talk to it")
    group.action("reset", _reset, "stop it and empty its data")


def _start(options: argparse.Namespace, console: Console) -> int | None:
    from core.sandbox.door import join, look

    lease = console.do("Starting the sandbox", lambda _job: join(console.desk.places))
    try:
        if not options.foreground:
            lease.ask("pin")
            lease.wait_for(lambda status: status.pinned or not status.running, 10)
            lease.close()
            _show(console, look(console.desk.places).plain())
            return None
        _show(console, lease.status().plain())
        console.say("The sandbox runs until Ctrl-C.")
        console.do("Running", lambda job: _until_gone(job, lease))
        console.say("The sandbox was stopped by somebody else.")
        return 0
    finally:
        lease.close(at_once=options.foreground)


def _until_gone(job: Any, lease: Any) -> None:
    while lease.status().running:
        job.sleep(0.5)


def _stop(_options: argparse.Namespace, console: Console) -> None:
    from core.sandbox.door import look, stop

    users = look(console.desk.places).users
    ran = console.do("Stopping the sandbox", lambda _job: stop(console.desk.places))
    console.result(
        {"stopped": ran, "users": users}, "The sandbox is stopped." if ran else "The sandbox was not running."
    )
    if ran and users:
        console.say(f"In use by {users}: whoever needs it next starts it again.")


def _status(_options: argparse.Namespace, console: Console) -> None:
    from core.sandbox.door import look

    _show(console, look(console.desk.places).plain())


def _show(console: Console, document: dict[str, Any]) -> None:
    if console.json:
        console.result(document)
        return
    if not document["running"]:
        console.result(None, f"The sandbox is not running. Its data: {document['data_dir']}")
        return
    lines = [f"The sandbox runs since {document['started']} (pid {document['pid']}, in use by {document['users']})."]
    for service in document["services"]:
        where = f"127.0.0.1:{service['port']}" if service["state"] == "running" else ""
        crashes = f"{service['restarts']} crashes, last: {service['last_exit']}" if service["restarts"] else ""
        lines.append(
            "  ".join(filter(None, (f"  {service['name']:<14}{service['state']:<11}{where}", crashes, service["note"])))
        )
    seed = document["seed"]
    lines.append(f"Demo data: {seed['state']} {seed['note']}".rstrip())
    lines.append(f"Data: {document['data_dir']}")
    console.result(None, "\n".join(lines))


def _env(_options: argparse.Namespace, console: Console) -> None:
    from core.sandbox.contract import ACCESS_KEY, REGION, SECRET_KEY
    from core.sandbox.door import look, with_lists

    status = look(console.desk.places)
    if not status.running:
        raise OpsError("The sandbox is not running", "There is nothing to point to", "Start it with `sandbox start`")
    values = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }
    names = {
        "default": "AWS_ENDPOINT_URL",
        "s3": "AWS_ENDPOINT_URL_S3",
        "kinesis": "AWS_ENDPOINT_URL_KINESIS",
        "cloudwatch": "AWS_ENDPOINT_URL_CLOUDWATCH",
        "redshift-data": "AWS_ENDPOINT_URL_REDSHIFT_DATA",
        "redshift": "AWS_ENDPOINT_URL_REDSHIFT",
        "redshift-serverless": "AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS",
    }
    values |= {names[name]: url for name, url in with_lists(status.endpoints).items()}
    console.result(values, "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items()))


def _reset(_options: argparse.Namespace, console: Console) -> None:
    from core.sandbox.reset import reset

    console.do("Emptying the sandbox", lambda _job: reset(console.desk.places))
    console.result({"reset": True}, "The sandbox is stopped and empty.")
