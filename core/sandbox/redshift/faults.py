"""Errors in AWS's shapes: what a boto3 client raises as ``ValidationException`` and its kin."""

from __future__ import annotations


class ApiFault(Exception):
    """One error of the Data API: ``kind`` is AWS's exception name, ``members`` what its shape has beside Message."""

    def __init__(self, kind: str, message: str, status: int = 400, **members: str) -> None:
        super().__init__(message)
        self.kind, self.message, self.status, self.members = kind, message, status, members


def invalid(message: str) -> ApiFault:
    return ApiFault("ValidationException", message)


def not_found(message: str, resource: str) -> ApiFault:
    return ApiFault("ResourceNotFoundException", message, ResourceId=resource)
