"""Policies and CORS rules read from files, as the AWS CLI or s3cmd take them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.base.errors import WrongUse


def policy_of(file: Path) -> dict[str, Any]:
    """Raises WrongUse where it is no policy."""
    value = _json(file, _text(file))
    if not isinstance(value, dict) or not value.get("Statement"):
        raise WrongUse(f"{file} is no bucket policy", "It has no Statement", "See `s3 getpolicy` of another bucket")
    return value


def cors_of(file: Path) -> list[dict[str, Any]]:
    """Rules as the AWS CLI keeps them (JSON) or as s3cmd does (XML). Raises WrongUse."""
    text = _text(file)
    if text.lstrip().startswith("<"):
        rules = _cors_of_xml(file, text)
    else:
        value = _json(file, text)
        rules = value.get("CORSRules", ()) if isinstance(value, dict) else value
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, dict) for rule in rules):
        raise WrongUse(f"{file} has no CORS rules", "Neither CORSRules (JSON) nor CORSRule (XML)", "Correct the file")
    return rules


def _cors_of_xml(file: Path, text: str) -> list[dict[str, Any]]:
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    lists = {"AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader"}
    try:
        root = fromstring(text)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise WrongUse(f"{file} is no XML", str(error), "Correct the file") from error
    rules = []
    for item in root.iter():
        if _tag(item) == "CORSRule":
            rule: dict[str, Any] = {}
            for child in item:
                name, value = _tag(child), (child.text or "").strip()
                if name in lists:
                    rule.setdefault(f"{name}s", []).append(value)
                else:
                    rule[name] = int(value) if name == "MaxAgeSeconds" and value.isdecimal() else value
            rules.append(rule)
    return rules


def _tag(item: Any) -> str:
    return str(item.tag).rpartition("}")[2]


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise WrongUse(f"{file} cannot be read", error.strerror or str(error), "Check the name") from error
    except UnicodeDecodeError as error:
        raise WrongUse(f"{file} is no text", "It is not UTF-8", "Check the name") from error


def _json(file: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise WrongUse(f"{file} is no JSON", str(error), "Correct the file") from error
