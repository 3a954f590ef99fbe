"""The evidence of a verification: a JSON file for programs and an HTML page for people, kept for every run."""

from __future__ import annotations

import html
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from core.backups.outcomes import Check, Outcome, Verification
from core.backups.rules import RESTORED
from core.base.files import write_atomic

_STYLE = """
:root{color-scheme:light dark} body{font:14px/1.5 system-ui,sans-serif;max-width:1100px;margin:32px auto;padding:0 24px}
h1{font-size:20px;margin:0 0 4px} p{margin:4px 0} table{border-collapse:collapse;width:100%;margin:20px 0}
th,td{text-align:left;padding:6px 10px;border-bottom:1px solid #8884;vertical-align:top;overflow-wrap:anywhere} td.n{text-align:right}
pre{font:12px/1.4 ui-monospace,monospace;white-space:pre-wrap;margin:4px 0 0} .good{color:#18794e} .bad{color:#cd2b31} .open{color:#8a6100}
"""
_WORDS = {True: ("good", "passed"), False: ("bad", "FAILED"), None: ("open", "not carried out")}


def as_plain(verification: Verification) -> dict[str, Any]:
    """What ``backup verify --json`` prints and the evidence keeps."""
    plain = asdict(verification)
    plain["outcome"] = verification.outcome.value
    plain["status"] = verification.outcome.value
    for name in ("started", "ended"):
        value = plain[name]
        plain[name] = value.isoformat() if isinstance(value, datetime) else None
    return plain


def write_evidence(folder: Path, verification: Verification) -> tuple[Path, Path]:
    """Write both files; return their paths (JSON, HTML)."""
    pair = evidence_paths(folder, verification)
    write_atomic(pair[0], json.dumps(as_plain(verification), ensure_ascii=False, indent=1))
    write_atomic(pair[1], as_html(verification))
    return pair


def evidence_paths(folder: Path, verification: Verification) -> tuple[Path, Path]:
    stem = f"{verification.plan}-{verification.started:%Y%m%dT%H%M%SZ}-{verification.id}"
    return folder / f"{stem}.json", folder / f"{stem}.html"


def as_html(verification: Verification) -> str:
    """A page that needs nothing else; everything that came from a server or a dump is escaped."""
    facts = [
        ("Plan", verification.plan),
        ("Backup of", verification.run),
        ("Verified", f"{verification.started:%Y-%m-%d %H:%M:%S} UTC"),
        ("Level reached", f"{verification.level} of 6"),
        ("Time to restore and check (RTO)", _seconds(verification.rto_seconds)),
        ("Age of the data when verified (RPO)", _seconds(verification.rpo_seconds)),
    ]
    if verification.error:
        facts.append(("Remark", verification.error))
    head = "".join(f"<p><b>{_e(name)}:</b> {_e(value)}</p>" for name, value in facts)
    rows = "".join(map(_row, verification.checks))
    title = f"Verification of {verification.plan}: {_outcome(verification)}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_e(title)}</title><style>{_STYLE}</style>'
        f"<h1>{_e(title)}</h1>{head}<table><thead><tr><th>Level</th><th>Check</th><th>Result</th><th>Expected</th><th>Found</th>"
        f"<th>Seconds</th></tr></thead><tbody>{rows}</tbody></table></html>"
    )


def _row(check: Check) -> str:
    look, word = _WORDS[check.ok]
    detail = f"<pre>{_e(check.detail)}</pre>" if check.detail else ""
    return (
        f'<tr><td>{check.level}</td><td>{_e(check.name)}{detail}</td><td class="{look}">{word}</td><td>{_e(check.expected)}</td>'
        f'<td>{_e(check.actual)}</td><td class="n">{check.seconds:.2f}</td></tr>'
    )


def _outcome(verification: Verification) -> str:
    """For who reads only the first line."""
    if verification.outcome is Outcome.DONE:
        return "proved by restoring it" if verification.level >= RESTORED else "readable, not restored"
    words = {
        Outcome.FAILED: "FAILED",
        Outcome.NOT_RESTORABLE_HERE: "readable, not proven",
        Outcome.RUNNING: "not ended",
    }
    return words.get(verification.outcome, "cancelled")


def _seconds(value: float | None) -> str:
    if value is None:
        return "not measured"
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if value < limit:
            return f"{value / size:,.1f} {unit}"
    return f"{value / 86_400:,.1f} d"


def _e(value: object) -> str:
    return html.escape(str(value))
