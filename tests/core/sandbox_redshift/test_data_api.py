"""The Data API over HTTP, asked by stock boto3: states, batches, sessions, pages, errors, restarts."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[3]
PLACE = {"WorkgroupName": "sandbox", "Database": "dev"}
LONG = "SELECT COUNT(*) FROM generate_series(1, 1000000) a(i), generate_series(1, 1000000) b(j) WHERE (a.i::bigint * b.j) % 7 = 3"


class Endpoint:
    def __init__(self, folder: Path, *limits: str) -> None:
        words = [word for limit in limits for word in ("--limit", limit)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "core.sandbox.redshift", "--data", str(folder), *words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout
        ready = self.process.stdout.readline().decode()
        assert ready.startswith("READY "), ready
        self.client = boto3.client(
            "redshift-data",
            endpoint_url=f"http://127.0.0.1:{json.loads(ready[6:])['port']}",
            region_name="us-east-1",
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )

    def other(self, service: str) -> Any:
        """Another service that answers at the same endpoint."""
        return boto3.client(
            service, endpoint_url=self.client.meta.endpoint_url, region_name="us-east-1", aws_access_key_id="sandbox", aws_secret_access_key="sandbox"
        )  # fmt: skip

    def run(self, sql: str, **options: Any) -> dict[str, Any]:
        place = {} if "SessionId" in options else PLACE
        answer = self.client.execute_statement(Sql=sql, WaitTimeSeconds=30, **place, **options)
        return self.client.describe_statement(Id=answer["Id"])

    def records(self, sql: str, **options: Any) -> list[list[dict[str, Any]]]:
        described = self.run(sql, **options)
        assert described["Status"] == "FINISHED", described
        return self.client.get_statement_result(Id=described["Id"])["Records"]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.client.close()
        self.process.send_signal(number)
        status = self.process.wait(20)
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        return status

    def leave(self) -> int:
        """End as its parent does: its input is closed, and no signal sent."""
        self.client.close()
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        status = self.process.wait(20)
        self.process.stdout.close()
        return status


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    opened = Endpoint(tmp_path_factory.mktemp("api"), "page_bytes=20000", "statement_bytes=100000")
    yield opened
    assert opened.stop() == 0


def _code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_a_statement_is_described_as_aws_does(endpoint: Endpoint) -> None:
    done = endpoint.run("CREATE TABLE api (a INT, b VARCHAR(5), c DECIMAL(6,2), d TIMESTAMP, e BOOLEAN, f FLOAT8)")
    assert (done["Status"], done["HasResultSet"], done["ResultRows"]) == ("FINISHED", False, -1)
    done = endpoint.run(
        "INSERT INTO api VALUES (1, 'x', 1.5, '2024-01-31 10:00:00', true, 0.5), (2, NULL, NULL, NULL, NULL, NULL)"
    )
    assert done["ResultRows"] == 2 and done["Duration"] > 0 and done["RedshiftPid"] > 0
    done = endpoint.run("SELECT * FROM api ORDER BY a")
    result = endpoint.client.get_statement_result(Id=done["Id"])
    assert result["TotalNumRows"] == done["ResultRows"] == 2
    assert result["Records"][0] == [
        {"longValue": 1}, {"stringValue": "x"}, {"stringValue": "1.50"}, {"stringValue": "2024-01-31 10:00:00"}, {"booleanValue": True}, {"doubleValue": 0.5},
    ]  # fmt: skip
    assert result["Records"][1][1:] == [{"isNull": True}] * 5
    kinds = [(one["typeName"], one["precision"], one["scale"]) for one in result["ColumnMetadata"]]
    assert kinds[:4] == [("int4", 10, 0), ("varchar", 5, 0), ("numeric", 6, 2), ("timestamp", 29, 6)]
    assert result["ColumnMetadata"][0]["tableName"] == "api"
    empty = endpoint.run("SELECT * FROM api WHERE a > 5")
    assert (empty["HasResultSet"], empty["ResultRows"]) == (True, 0)


@pytest.mark.parametrize("form", ["JSON", "CSV"])
def test_all_pages_make_the_whole(endpoint: Endpoint, form: str) -> None:
    done = endpoint.run(
        "SELECT i, CASE WHEN i % 3 = 0 THEN NULL WHEN i % 3 = 1 THEN '' ELSE 'a,\"b' END FROM generate_series(1, 5000) g(i)",
        ResultFormat=form,
    )
    token: dict[str, str] = {}
    rows: list[tuple[Any, ...]] = []
    pages = 0
    while True:
        if form == "CSV":
            page = endpoint.client.get_statement_result_v2(Id=done["Id"], **token)
            rows += [tuple(row) for part in page["Records"] for row in csv.reader(io.StringIO(part["CSVRecords"]))]
        else:
            page = endpoint.client.get_statement_result(Id=done["Id"], **token)
            rows += [(one["longValue"], two.get("stringValue")) for one, two in page["Records"]]
        pages += 1
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert len(rows) == page["TotalNumRows"] == 5000 and pages > 2
    assert [str(row[0]) for row in rows] == [str(n) for n in range(1, 5001)]
    assert rows[1][1] == 'a,"b'
    other = endpoint.client.get_statement_result if form == "CSV" else endpoint.client.get_statement_result_v2
    with pytest.raises(ClientError) as caught:
        other(Id=done["Id"])
    assert _code(caught) == "ValidationException"


def test_a_batch_is_one_transaction_or_many(endpoint: Endpoint) -> None:
    endpoint.run("CREATE TABLE batch (a INT)")
    sqls = ["INSERT INTO batch VALUES (1)", "INSERT INTO nowhere VALUES (1)", "INSERT INTO batch VALUES (2)"]
    for mode, states, left in (
        ("TRANSACTION", ["FINISHED", "FAILED", "ABORTED"], 0),
        ("AUTO_COMMIT", ["FINISHED", "FAILED", "FINISHED"], 2),
    ):
        answer = endpoint.client.batch_execute_statement(Sqls=sqls, ExecutionMode=mode, WaitTimeSeconds=20, **PLACE)
        done = endpoint.client.describe_statement(Id=answer["Id"])
        assert done["Status"] == "FAILED" and 'relation "nowhere" does not exist' in done["Error"]
        assert [one["Status"] for one in done["SubStatements"]] == states
        assert [one["Id"] for one in done["SubStatements"]] == [f"{answer['Id']}:{n}" for n in (1, 2, 3)]
        assert endpoint.records("SELECT COUNT(*) FROM batch") == [[{"longValue": left}]]
    answer = endpoint.client.batch_execute_statement(
        Sqls=["SELECT 1", "SELECT :v"], Parameters=[{"name": "v", "value": "x"}], WaitTimeSeconds=20, **PLACE
    )
    assert endpoint.client.get_statement_result(Id=f"{answer['Id']}:2")["Records"] == [[{"stringValue": "x"}]]


def test_a_session_keeps_its_temporary_tables(endpoint: Endpoint) -> None:
    first = endpoint.run("CREATE TEMP TABLE mine AS SELECT 7 AS a", SessionKeepAliveSeconds=60)
    assert endpoint.records("SELECT a FROM mine", SessionId=first["SessionId"]) == [[{"longValue": 7}]]
    assert 'relation "mine" does not exist' in endpoint.run("SELECT a FROM mine")["Error"]
    listed = endpoint.client.list_sessions(SessionId=first["SessionId"])["Sessions"]
    assert [one["Status"] for one in listed] == ["AVAILABLE"]
    with pytest.raises(ClientError) as caught:
        endpoint.run("SELECT 1", SessionId="00000000-0000-0000-0000-000000000000")
    assert _code(caught) == "ValidationException"
    with pytest.raises(ClientError, match='database "other" does not exist') as caught:
        endpoint.client.execute_statement(
            Sql="SELECT 1", WorkgroupName="sandbox", Database="other", SessionKeepAliveSeconds=9
        )
    assert _code(caught) == "ExecuteStatementException" and caught.value.response["StatementId"]


def test_a_transaction_that_failed_in_a_session_is_not_committed(endpoint: Endpoint) -> None:
    endpoint.run("CREATE TABLE undone (a INT)")
    session = endpoint.run("BEGIN", SessionKeepAliveSeconds=60)["SessionId"]
    states = [
        endpoint.run(sql, SessionId=session)["Status"]
        for sql in (
            "INSERT INTO undone VALUES (1)",
            "SELECT nosuch FROM undone",
            "INSERT INTO undone VALUES (2)",
            "COMMIT",
        )
    ]
    assert states == ["FINISHED", "FAILED", "FAILED", "FINISHED"]
    assert endpoint.records("SELECT COUNT(*) FROM undone", SessionId=session) == [[{"longValue": 0}]]


def test_a_cancel_stops_the_statement(endpoint: Endpoint) -> None:
    answer = endpoint.client.execute_statement(Sql=LONG, **PLACE)
    while endpoint.client.describe_statement(Id=answer["Id"])["Status"] != "STARTED":
        time.sleep(0.05)
    with pytest.raises(ClientError) as caught:
        endpoint.client.get_statement_result(Id=answer["Id"])
    assert _code(caught) == "ResourceNotFoundException"
    assert endpoint.client.cancel_statement(Id=answer["Id"])["Status"] is True
    assert endpoint.client.describe_statement(Id=answer["Id"], WaitTimeSeconds=20)["Status"] == "ABORTED"
    with pytest.raises(ClientError, match="already in ABORTED state"):
        endpoint.client.cancel_statement(Id=answer["Id"])
    states = {one["Id"]: one["Status"] for one in endpoint.client.list_statements(Status="ALL")["Statements"]}
    assert states[answer["Id"]] == "ABORTED"
    assert answer["Id"] not in {one["Id"] for one in endpoint.client.list_statements()["Statements"]}


def test_cancel_stops_what_another_session_runs(endpoint: Endpoint) -> None:
    statement = endpoint.client.execute_statement(Sql=LONG, **PLACE)["Id"]
    pid = 0
    while not pid:  # it runs as soon as a worker has taken it
        described = endpoint.client.describe_statement(Id=statement)
        pid = described["RedshiftPid"] if described["Status"] == "STARTED" else 0
    assert endpoint.run("CANCEL 1")["Status"] == "FINISHED"  # nobody's
    while (described := endpoint.client.describe_statement(Id=statement, WaitTimeSeconds=1))["Status"] == "STARTED":
        assert endpoint.run(f"CANCEL {pid} 'it takes too long'")["Status"] == "FINISHED"
    assert "cancelled" in described["Error"]


def test_the_same_token_is_the_same_statement(endpoint: Endpoint) -> None:
    endpoint.run("CREATE TABLE once (a INT)")
    first = endpoint.run("INSERT INTO once VALUES (1)", ClientToken="token-1")
    again = endpoint.run("INSERT INTO once VALUES (1)", ClientToken="token-1")
    assert first["Id"] == again["Id"]
    assert endpoint.records("SELECT COUNT(*) FROM once") == [[{"longValue": 1}]]
    with pytest.raises(ClientError, match="different request"):
        endpoint.run("SELECT 1", ClientToken="token-1")


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"Sql": "SELECT 1", "Database": "dev"}, "ClusterIdentifier, WorkgroupName or SecretArn"),
        ({"Sql": "SELECT 1", "WorkgroupName": "sandbox"}, "Database is required"),
        ({"Sql": "SELECT :a", **PLACE}, "Parameters not given: a"),
        ({"Sql": "SELECT 1", "Parameters": [{"name": "a", "value": "1"}], **PLACE}, "not used"),
        ({"Sql": "SELECT '" + "x" * 100_001 + "'", **PLACE}, "longer than 100,000 bytes"),
    ],
)
def test_a_wrong_request_is_refused_at_once(endpoint: Endpoint, request_: dict[str, Any], says: str) -> None:
    with pytest.raises(ClientError, match=says) as caught:
        endpoint.client.execute_statement(**request_)
    assert _code(caught) == "ValidationException"


def test_unknown_things_have_awss_errors(endpoint: Endpoint) -> None:
    with pytest.raises(ClientError) as caught:
        endpoint.client.describe_statement(Id="d9b6c0c9-0747-4bf4-b142-e8883122f766")
    assert _code(caught) == "ResourceNotFoundException"
    assert caught.value.response["ResourceId"] == "d9b6c0c9-0747-4bf4-b142-e8883122f766"
    assert (
        'database "other" does not exist'
        in endpoint.client.describe_statement(
            Id=endpoint.client.execute_statement(
                Sql="SELECT 1", WorkgroupName="sandbox", Database="other", WaitTimeSeconds=10
            )["Id"]
        )["Error"]
    )


def test_the_catalogue_is_listed(endpoint: Endpoint) -> None:
    endpoint.run("CREATE SCHEMA listed")
    endpoint.run("CREATE TABLE listed.t (a INT NOT NULL, b VARCHAR(7) DEFAULT 'x', c DECIMAL(9,3))")
    endpoint.run("CREATE VIEW listed.v AS SELECT a FROM listed.t")
    assert endpoint.client.list_databases(**PLACE)["Databases"] == ["dev"]
    assert "listed" in endpoint.client.list_schemas(**PLACE)["Schemas"]
    assert endpoint.client.list_tables(SchemaPattern="list%", **PLACE)["Tables"] == [
        {"name": "t", "type": "TABLE", "schema": "listed"},
        {"name": "v", "type": "VIEW", "schema": "listed"},
    ]
    columns = endpoint.client.describe_table(Schema="listed", Table="t", **PLACE)["ColumnList"]
    assert [(one["name"], one["typeName"], one["nullable"], one["precision"]) for one in columns] == [
        ("a", "int4", 0, 10),
        ("b", "varchar", 1, 7),
        ("c", "numeric", 1, 9),
    ]


_WORKS = {
    "ClientToken": "token-1", "Database": "dev", "ConnectedDatabase": "dev", "DbUser": "awsuser", "ExecutionMode": "AUTO_COMMIT", "MaxResults": 5, "ResultFormat": "JSON",
    "RoleLevel": True, "Schema": "public", "SchemaPattern": "pub%", "SecretArn": "arn:aws:secretsmanager:us-east-1:0:secret:x",
    "SessionKeepAliveSeconds": 0, "StatementName": "named", "Status": "FINISHED", "TablePattern": "%", "WaitTimeSeconds": 5,
    "Parameters": [{"name": "p", "value": "1"}],
}  # fmt: skip
"""A value of each optional member that must be taken; the rest of the model's members are named in the test."""


def test_every_member_of_botocores_model_is_taken_or_refused_by_name(endpoint: Endpoint) -> None:
    """Nothing is passed over in silence: botocore's own model of the service says what there is."""
    model = endpoint.client.meta.service_model
    done = endpoint.run("SELECT 1 AS member_test")
    csv_done = endpoint.run("SELECT 1", ResultFormat="CSV")
    endpoint.run("CREATE TABLE IF NOT EXISTS members (a INT)")
    least: dict[str, dict[str, Any]] = {
        "ExecuteStatement": {"Sql": "SELECT 1"}, "BatchExecuteStatement": {"Sqls": ["SELECT 1"]}, "DescribeStatement": {"Id": done["Id"]},
        "GetStatementResult": {"Id": done["Id"]}, "GetStatementResultV2": {"Id": csv_done["Id"]}, "CancelStatement": {"Id": done["Id"]},
        "ListStatements": {}, "ListSessions": {}, "ListDatabases": {"Database": "dev"}, "ListSchemas": {"Database": "dev"},
        "ListTables": {"Database": "dev"}, "DescribeTable": {"Database": "dev", "Table": "members"},
    }  # fmt: skip
    assert set(model.operation_names) == set(least), "botocore knows an operation that the sandbox does not"
    assert _error(endpoint, "CancelStatement", least["CancelStatement"]).startswith("Could not cancel a query")
    for operation, base in least.items():
        if operation == "CancelStatement":
            continue
        members = set(model.operation_model(operation).input_shape.members)
        runs = "Sql" in base or "Sqls" in base
        placed = (
            {**base, "WorkgroupName": "sandbox", **({"Database": "dev"} if runs else {})}
            if "WorkgroupName" in members
            else base
        )
        for member in sorted(members - set(base) - {"WorkgroupName", "ClusterIdentifier", "SessionId", "NextToken"}):
            asked = {**placed, member: _WORKS.get(member)}
            if member == "Table":
                continue
            if member == "WithEvent":
                assert "EventBridge" in _error(endpoint, operation, {**placed, member: True})
                continue
            assert member in _WORKS, f"{operation}.{member} is new"
            if member == "DbUser":
                asked = {**asked, "ClusterIdentifier": "sandbox"}
                asked.pop("WorkgroupName", None)
            if member == "Parameters":
                asked = {**asked, **({"Sql": "SELECT :p"} if "Sql" in base else {"Sqls": ["SELECT :p"]})}
            if operation == "ListSessions" and member == "Status":
                asked["Status"] = "AVAILABLE"
            if member == "ClientToken":
                asked["ClientToken"] = f"token-{operation}"
            assert not _error(endpoint, operation, asked), (operation, member)
        if "NextToken" in members:
            assert "NextToken" in _error(endpoint, operation, {**placed, "NextToken": "%%%"}), operation
        if "SessionId" in members and runs:
            assert "not available" in _error(
                endpoint, operation, {**base, "SessionId": "00000000-0000-0000-0000-000000000000"}
            )


def _error(endpoint: Endpoint, operation: str, request_: dict[str, Any]) -> str:
    """What the service says against a request, or nothing."""
    method = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[a-z])(?=V2)", "_", operation).lower()
    try:
        getattr(endpoint.client, method)(**request_)
    except ClientError as error:
        return str(error.response["Error"]["Message"])
    return ""


def test_the_account_lists_a_cluster_and_a_workgroup(endpoint: Endpoint) -> None:
    clusters, serverless = endpoint.other("redshift"), endpoint.other("redshift-serverless")
    (cluster,) = clusters.describe_clusters()["Clusters"]
    assert (cluster["ClusterIdentifier"], cluster["DBName"], cluster["ClusterStatus"]) == (
        "sandbox",
        "dev",
        "available",
    )
    (workgroup,) = serverless.list_workgroups()["workgroups"]
    assert (workgroup["workgroupName"], workgroup["status"]) == ("sandbox", "AVAILABLE")
    assert serverless.get_namespace(namespaceName="sandbox")["namespace"]["dbName"] == "dev"
    with pytest.raises(ClientError) as caught:
        clusters.describe_clusters(ClusterIdentifier="nosuch")
    assert _code(caught) == "ClusterNotFound"
    with pytest.raises(ClientError) as caught:
        clusters.create_cluster(ClusterIdentifier="x", NodeType="ra3.large", MasterUsername="admin")
    assert "needs a real account" in str(caught.value)
    with pytest.raises(ClientError) as caught:
        serverless.get_workgroup(workgroupName="nosuch")
    assert _code(caught) == "ResourceNotFoundException"
    clusters.close()
    serverless.close()


def test_kill_9_loses_nothing_committed_and_it_ends_with_its_parent(tmp_path: Path) -> None:
    first = Endpoint(tmp_path)
    first.run("CREATE TABLE kept (a INT IDENTITY(1,1), b VARCHAR(3)) DISTKEY(b)")
    done = first.run("INSERT INTO kept (b) VALUES ('x'), ('y')")
    shown = first.run("SELECT a, b FROM kept ORDER BY a")
    once = first.run("INSERT INTO kept (b) VALUES ('o')", ClientToken="before-the-kill")
    running = first.client.execute_statement(Sql=LONG, **PLACE)
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    second = Endpoint(tmp_path)
    try:
        assert second.client.describe_statement(Id=done["Id"])["Status"] == "FINISHED"
        kept = second.client.get_statement_result(Id=shown["Id"])
        assert [[one["longValue"], two["stringValue"]] for one, two in kept["Records"]] == [[1, "x"], [2, "y"]]
        assert second.client.describe_statement(Id=running["Id"])["Status"] == "ABORTED"
        second.run("INSERT INTO kept (b) VALUES ('z')")
        assert second.run("INSERT INTO kept (b) VALUES ('o')", ClientToken="before-the-kill")["Id"] == once["Id"]
        assert second.records("SELECT COUNT(*), COUNT(DISTINCT a) FROM kept") == [[{"longValue": 4}, {"longValue": 4}]]
    finally:
        assert second.leave() == 0
