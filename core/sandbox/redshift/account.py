"""What the account shows of its warehouses: one provisioned cluster and one serverless workgroup, both the local engine."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from core.sandbox.redshift.engine.settings import DATABASE
from core.sandbox.redshift.faults import ApiFault, invalid
from core.sandbox.redshift.requests import Document, page_of, required

CLUSTER = WORKGROUP = NAMESPACE = "sandbox"
_ACCOUNT, _REGION, _USER = "000000000000", "us-east-1", "admin"
_SPACE = "http://redshift.amazonaws.com/doc/2012-12-01/"


class Account:
    """DescribeClusters of ``redshift`` (XML) and the lists of ``redshift-serverless`` (JSON); the rest is refused by name."""

    def __init__(self) -> None:
        self._made = datetime.now(UTC)

    # -- redshift -------------------------------------------------------------------
    def query(self, body: bytes) -> bytes:
        """A request of the query protocol, answered in XML. Raises ApiFault."""
        words = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        action = words.get("Action", "")
        if action != "DescribeClusters":
            raise ApiFault(
                "InvalidAction",
                f"The action {action or 'without a name'} needs a real account: the sandbox only lists its cluster",
            )
        wanted = words.get("ClusterIdentifier", CLUSTER)
        if wanted.lower() != CLUSTER:
            raise ApiFault("ClusterNotFound", f"Cluster {wanted} not found.", 404)
        members: dict[str, Any] = {
            "ClusterIdentifier": CLUSTER, "NodeType": "local", "ClusterStatus": "available", "ClusterAvailabilityStatus": "Available",
            "MasterUsername": _USER, "DBName": DATABASE, "ClusterCreateTime": self._made.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "NumberOfNodes": "1",
            "PubliclyAccessible": "false", "Encrypted": "false", "ClusterVersion": "1.0",
            "ClusterNamespaceArn": f"arn:aws:redshift:{_REGION}:{_ACCOUNT}:namespace:{NAMESPACE}",
        }  # fmt: skip
        fields = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in members.items())
        return (
            f'<DescribeClustersResponse xmlns="{_SPACE}"><DescribeClustersResult><Clusters><Cluster>{fields}</Cluster></Clusters>'
            f"</DescribeClustersResult><ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></DescribeClustersResponse>"
        ).encode()

    # -- redshift-serverless -----------------------------------------------------------
    def operations(self) -> dict[str, Any]:
        names = {
            "ListWorkgroups": self.list_workgroups,
            "GetWorkgroup": self.get_workgroup,
            "ListNamespaces": self.list_namespaces,
            "GetNamespace": self.get_namespace,
        }
        return {f"RedshiftServerless.{name}": operation for name, operation in names.items()}

    async def list_workgroups(self, request: Document) -> Document:
        return _page(request, self._workgroup(), "workgroups")

    async def get_workgroup(self, request: Document) -> Document:
        _named(required(request, "workgroupName"), WORKGROUP, "workgroup")
        return {"workgroup": self._workgroup()}

    async def list_namespaces(self, request: Document) -> Document:
        return _page(request, self._namespace(), "namespaces")

    async def get_namespace(self, request: Document) -> Document:
        _named(required(request, "namespaceName"), NAMESPACE, "namespace")
        return {"namespace": self._namespace()}

    def _workgroup(self) -> Document:
        return {
            "workgroupName": WORKGROUP, "namespaceName": NAMESPACE, "status": "AVAILABLE", "baseCapacity": 8, "publiclyAccessible": False,
            "workgroupId": "00000000-0000-0000-0000-000000000001", "creationDate": self._made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "workgroupArn": f"arn:aws:redshift-serverless:{_REGION}:{_ACCOUNT}:workgroup/{WORKGROUP}",
        }  # fmt: skip

    def _namespace(self) -> Document:
        return {
            "namespaceName": NAMESPACE, "dbName": DATABASE, "adminUsername": _USER, "status": "AVAILABLE",
            "namespaceId": "00000000-0000-0000-0000-000000000002", "creationDate": self._made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "namespaceArn": f"arn:aws:redshift-serverless:{_REGION}:{_ACCOUNT}:namespace/{NAMESPACE}",
        }  # fmt: skip


def _page(request: Document, item: Document, name: str) -> Document:
    size = request.get("maxResults", 100)
    if not isinstance(size, int) or size < 1:
        raise invalid("maxResults must be at least 1")
    return page_of({"MaxResults": min(size, 100), "NextToken": request.get("nextToken")}, [item], name, most=100)


def _named(name: str, known: str, what: str) -> None:
    if name != known:
        raise ApiFault("ResourceNotFoundException", f"The {what} {name} doesn't exist.", resourceName=name)


def fault_xml(fault: ApiFault, request_id: str) -> bytes:
    """An error as the query protocol spells it."""
    return (
        f'<ErrorResponse xmlns="{_SPACE}"><Error><Type>Sender</Type><Code>{escape(fault.kind)}</Code>'
        f"<Message>{escape(fault.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()
