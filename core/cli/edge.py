"""edge resolve | check | probe | snippet | ranges | history: what proxies say and what applications believe."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from core.base.errors import WrongUse
from core.cli.console import Console
from core.cli.group import Group


def register(groups: Any) -> None:
    from core.edge.snippets import titles

    group = Group(groups, "edge", "proxies, forwarded headers and the links that come of them")
    resolve = group.action("resolve", _resolve, "what a framework makes of a request behind a proxy")
    resolve.add_argument(
        "--framework",
        required=True,
        help="symfony, laravel, flask, django, rails, express, uvicorn, tomcat, wordpress, nginx",
    )
    resolve.add_argument("--peer", required=True, metavar="IP", help="who connects to the application: the proxy")
    resolve.add_argument("--scheme", default="http", choices=("http", "https"), help="of that connection")
    resolve.add_argument("--port", type=int, default=80, help="the application's own listening port")
    resolve.add_argument("--host", required=True, help="the Host header")
    resolve.add_argument("--header", action="append", default=[], metavar="'K: V'", help="may be given several times")
    resolve.add_argument(
        "--trust", action="append", default=[], metavar="CIDR", help="a trusted proxy range; may be given several times"
    )
    resolve.add_argument("--hops", type=int, default=1, help="for frameworks that count proxies (flask)")
    check = group.action("check", _check, "follow a URL and say what is wrong with its links, redirects and cookies")
    check.add_argument("url")
    check.add_argument(
        "--allow-private", action="store_true", help="follow a redirect from a public name into a private network"
    )
    probe = group.action(
        "probe", _probe, "does this origin believe forged headers? (two requests, your own origin only)"
    )
    probe.add_argument("url")
    probe.add_argument("--yes", action="store_true", help="yes, this origin is mine")
    snippet = group.action("snippet", _snippet, "the setting that cures it, with your ranges")
    snippet.add_argument("framework", help=", ".join(name for name, _ in titles()))
    snippet.add_argument("--trust", action="append", default=[], metavar="CIDR")
    group.action("ranges", _ranges, "load balancers and the ranges of their subnets")
    group.action("history", _history, "the last checks")


def _resolve(options: argparse.Namespace, console: Console) -> None:
    from core.edge.request import Incoming, Trust
    from core.edge.verdict import judged

    headers = [("host", options.host)]
    for entry in options.header:
        name, sign, value = entry.partition(":")
        if not sign or not name.strip():
            raise WrongUse(
                f"{entry!r} is no header", "It should be NAME: VALUE", "For example --header 'X-Forwarded-Proto: https'"
            )
        headers.append((name.strip(), value.strip()))
    names = {name.lower() for name, _ in headers}
    trust = Trust(tuple(options.trust), options.hops, Trust().headers | ({"forwarded"} & names))
    request = Incoming(options.peer, options.scheme, options.port, tuple(headers))
    answer = console.desk.edge.resolve(options.framework, request, trust)
    verdict = judged(request, answer)
    value = {"url": answer.url, "scheme": answer.scheme, "host": answer.host, "port": answer.port, "client": answer.client,
             "refused": answer.refused, "verdict": verdict.words, "good": verdict.good, "cure": verdict.cure,
             "steps": [asdict(step) for step in answer.steps]}  # fmt: skip
    steps = "\n".join(f"  {step.what:<8} {step.value:<24} {step.because}" for step in answer.steps)
    told = f"{verdict.words}{'. ' if verdict.cure else ''}{verdict.cure}"
    console.result(value, f"{answer.url or 'refused'}\n  {told}\n{steps}")


def _check(options: argparse.Namespace, console: Console) -> int:
    found = console.do(
        "Check", lambda job: console.desk.edge.check(job, options.url, allow_private=options.allow_private)
    )
    lines = [
        f"{hop.status}  {hop.url}{'  → ' + hop.location if hop.location else ''}  ({hop.seconds * 1000:.0f} ms)"
        for hop in found.hops
    ]
    for item in found.findings:
        lines += [
            f"\n{item.severity}: {item.title} ({item.rule}, {item.where})",
            f"  seen      {item.seen}",
            f"  expected  {item.expected}",
            f"  why       {item.why}",
        ]
        lines += [f"  fix       {item.fix}"] if item.fix else []
    if not found.findings:
        lines.append("Nothing to complain about.")
    console.result(
        {
            "hops": [asdict(hop) for hop in found.hops],
            "findings": [{**asdict(item), "title": item.title} for item in found.findings],
        },
        "\n".join(lines),
    )
    return 1 if found.worst == "error" else 0


def _probe(options: argparse.Namespace, console: Console) -> None:
    if not options.yes:
        raise WrongUse(
            "The probe sends forged headers",
            "It is meant for an origin of your own",
            f"If {options.url} is yours, say --yes",
        )
    result = console.do("Probe", lambda job: console.desk.edge.probe(job, options.url))
    words = {True: "believed", False: "ignored", None: "not to be seen"}
    lines = [f"{entry.header:<18} {words[entry.believed]:<15} {entry.seen}" for entry in result.headers]
    console.result(asdict(result), "\n".join([*lines, result.advice]))


def _snippet(options: argparse.Namespace, console: Console) -> None:
    text = console.desk.edge.snippet(options.framework, tuple(options.trust))
    console.result({"framework": options.framework, "text": text}, text.rstrip())


def _ranges(_options: argparse.Namespace, console: Console) -> None:
    found = console.do("Read the load balancers", console.desk.edge.balancers)
    console.table(
        [
            {
                "name": item.name,
                "kind": item.kind,
                "ranges": list(item.ranges) if console.json else ", ".join(item.ranges),
            }
            for item in found
        ]
    )


def _history(_options: argparse.Namespace, console: Console) -> None:
    console.table([{"at": item.at.isoformat(), "url": item.url, "worst": item.worst or "clean", "errors": item.errors, "warnings": item.warnings}
                   for item in console.desk.edge.history()])  # fmt: skip
