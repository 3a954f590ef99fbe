"""The operations of the Redshift Data API, from checked request documents to answers."""

from __future__ import annotations

import hashlib
import re
import time
from typing import Any

import orjson

from core.sandbox.redshift.catalogue import Catalogue
from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.execution import Execution
from core.sandbox.redshift.faults import ApiFault, invalid, not_found
from core.sandbox.redshift.limits import Limits
from core.sandbox.redshift.requests import Document, choice, page_of, required, wait_seconds
from core.sandbox.redshift.results import Results
from core.sandbox.redshift.sessions import ApiSession, Sessions
from core.sandbox.redshift.statements import Part, Statement, StatementStore, new_statement

_PLACE = ("ClusterIdentifier", "WorkgroupName", "SecretArn", "DbUser", "Database")
_STATES = ("SUBMITTED", "PICKED", "STARTED", "FINISHED", "ABORTED", "FAILED")
_PARAMETER = re.compile(r"[0-9a-zA-Z_]+\Z")


class DataApi:
    """Every public coroutine is one operation; ``operations`` names them as AWS does."""

    def __init__(
        self,
        store: StatementStore,
        sessions: Sessions,
        execution: Execution,
        results: Results,
        catalogue: Catalogue,
        limits: Limits,
    ) -> None:
        self._store, self._sessions, self._execution = store, sessions, execution
        self._results, self._catalogue, self._limits = results, catalogue, limits
        self._tokens = {one.client_token: one for one in reversed(store.newest_first()) if one.client_token}

    def operations(self) -> dict[str, Any]:
        names = {
            "ExecuteStatement": self.execute,
            "BatchExecuteStatement": self.batch_execute,
            "DescribeStatement": self.describe,
            "GetStatementResult": self.result,
            "GetStatementResultV2": self.result_v2,
            "CancelStatement": self.cancel,
            "ListStatements": self.list_statements,
            "ListSessions": self.list_sessions,
            "ListDatabases": self._catalogue.list_databases,
            "ListSchemas": self._catalogue.list_schemas,
            "ListTables": self._catalogue.list_tables,
            "DescribeTable": self._catalogue.describe_table,
        }
        return {f"RedshiftData.{name}": operation for name, operation in names.items()}

    # -- running ----------------------------------------------------------------
    async def execute(self, request: Document) -> Document:
        sql = required(request, "Sql")
        return await self._submit(request, [sql], is_batch=False)

    async def batch_execute(self, request: Document) -> Document:
        sqls = request.get("Sqls")
        if not isinstance(sqls, list) or not 1 <= len(sqls) <= self._limits.batch_statements:
            raise invalid(f"Sqls must hold 1 to {self._limits.batch_statements} statements")
        return await self._submit(request, sqls, is_batch=True)

    async def _submit(self, request: Document, sqls: list[str], is_batch: bool) -> Document:
        wait = wait_seconds(request)
        if (earlier := self._by_token(request)) is not None:
            await self._execution.wait(earlier, wait)
            return self._accepted(earlier, wait)
        for sql in sqls:
            if not isinstance(sql, str) or not sql.strip():
                raise invalid("The SQL statement is empty")
            if len(sql.encode()) > self._limits.statement_bytes:
                raise invalid(f"The SQL statement is longer than {self._limits.statement_bytes:,} bytes")
        parameters = _parameters(request, sqls)
        form = choice(request, "ResultFormat", ("JSON", "CSV"), "JSON")
        mode = choice(request, "ExecutionMode", ("TRANSACTION", "AUTO_COMMIT"), "TRANSACTION")
        if request.get("WithEvent"):
            raise invalid("WithEvent needs EventBridge, which the sandbox does not have")
        keep_alive = request.get("SessionKeepAliveSeconds")
        if keep_alive is not None and not (isinstance(keep_alive, int) and 0 <= keep_alive <= 86400):
            raise invalid("SessionKeepAliveSeconds must be 0 to 86400")
        session_id = request.get("SessionId")
        if session_id and any(request.get(name) for name in _PLACE):
            raise invalid("SessionId cannot be given together with a cluster, workgroup, database, user or secret")
        place = {name: request[name] for name in _PLACE if request.get(name)} if not session_id else {}
        if not session_id:
            self._check_place(place)
        if self._execution.active >= self._limits.active_statements:
            raise ApiFault(
                "ActiveStatementsExceededException",
                f"There are already {self._limits.active_statements} active statements",
            )
        statement = new_statement(sqls, is_batch, place)
        session: ApiSession | None = None
        if session_id:
            session = self._sessions.take(session_id, statement.id, keep_alive)
            statement.place = dict(session.place)
        elif keep_alive is not None:
            try:
                session = self._sessions.open(place, keep_alive, statement.id)
            except SqlError as error:
                kind = "BatchExecuteStatementException" if is_batch else "ExecuteStatementException"
                raise ApiFault(kind, str(error), StatementId=statement.id) from error
        statement.session_id = session.id if session else ""
        statement.name, statement.parameters = request.get("StatementName") or "", parameters
        statement.result_format, statement.mode = form, mode
        if token := request.get("ClientToken"):
            statement.client_token, statement.request_digest = token, _digest(request)
            self._tokens[token] = statement
        self._expire()
        self._store.add(statement)
        self._execution.submit(statement, session)
        await self._execution.wait(statement, wait)
        return self._accepted(statement, wait)

    def _by_token(self, request: Document) -> Statement | None:
        token = request.get("ClientToken")
        if not token:
            return None
        oldest = time.time() - self._limits.client_token_seconds
        self._tokens = {name: one for name, one in self._tokens.items() if one.created >= oldest}
        if (statement := self._tokens.get(token)) is None:
            return None
        if statement.request_digest != _digest(request):
            raise invalid("The ClientToken was used before with a different request")
        return statement

    def _check_place(self, place: dict[str, str]) -> None:
        if not place.get("Database"):
            raise invalid("Database is required")
        if place.get("ClusterIdentifier") and place.get("WorkgroupName"):
            raise invalid("Give either ClusterIdentifier or WorkgroupName, not both")
        if not place.get("ClusterIdentifier") and not place.get("WorkgroupName") and not place.get("SecretArn"):
            raise invalid("Either ClusterIdentifier, WorkgroupName or SecretArn is required")
        if place.get("WorkgroupName") and place.get("DbUser"):
            raise invalid("DbUser cannot be given with WorkgroupName")

    def _accepted(self, statement: Statement, wait: int) -> Document:
        answer: Document = {"Id": statement.id, "CreatedAt": statement.created, **statement.place}
        if statement.session_id:
            answer["SessionId"] = statement.session_id
        if wait:
            answer.update(Status=statement.status, HasResultSet=statement.has_result, RedshiftPid=statement.pid)
        return answer

    def _expire(self) -> None:
        for statement in self._store.expire():
            for part in statement.parts:
                self._results.remove(part.id)

    # -- looking ------------------------------------------------------------------
    async def describe(self, request: Document) -> Document:
        statement, part = self._find(required(request, "Id"))
        await self._execution.wait(statement, wait_seconds(request))
        if part is not None and statement.is_batch:
            return self._described_part(statement, part)
        first = statement.parts[0]
        answer: Document = {
            "Id": statement.id,
            "CreatedAt": statement.created,
            "UpdatedAt": statement.updated,
            "Status": statement.status,
            "Duration": statement.duration,
            "HasResultSet": statement.has_result,
            "RedshiftPid": statement.pid,
            "ResultFormat": statement.result_format,
            **statement.place,
        }
        if statement.error:
            answer["Error"] = statement.error
        if statement.parameters:
            answer["QueryParameters"] = statement.parameters
        if statement.session_id:
            answer["SessionId"] = statement.session_id
        if statement.is_batch:
            answer["ExecutionMode"] = statement.mode
            answer["SubStatements"] = [_sub_statement(part) for part in statement.parts]
            answer.update(RedshiftQueryId=0, ResultRows=-1, ResultSize=-1)
        else:
            answer.update(
                QueryString=first.sql, RedshiftQueryId=first.query_id, ResultRows=first.rows, ResultSize=first.size
            )
        return answer

    def _described_part(self, statement: Statement, part: Part) -> Document:
        return {**_sub_statement(part), "ResultFormat": statement.result_format, **statement.place}

    async def result(self, request: Document) -> bytes:
        return await self._page(request, "JSON")

    async def result_v2(self, request: Document) -> bytes:
        return await self._page(request, "CSV")

    async def _page(self, request: Document, form: str) -> bytes:
        statement, part = self._find(required(request, "Id"))
        await self._execution.wait(statement, wait_seconds(request))
        if part is None:
            if statement.is_batch:
                raise invalid("Query is a batch: give the id of one of its sub-statements")
            part = statement.parts[0]
        if part.status != "FINISHED" or not statement.is_final:
            raise ApiFault(
                "ResourceNotFoundException",
                f"Query has not finished. Current state: {part.status if statement.is_final else statement.status}",
                ResourceId=part.id,
            )
        if not part.has_result:
            raise ApiFault(
                "ResourceNotFoundException", "Query does not have result. Please check query status", ResourceId=part.id
            )
        if statement.result_format != form:
            operation = "GetStatementResult" if statement.result_format == "JSON" else "GetStatementResultV2"
            raise invalid(f"The result format of the statement is {statement.result_format}: use {operation}")
        records, token = self._results.page(part.id, request.get("NextToken"), part.rows, part.size, form == "CSV")
        rest: Document = {"ColumnMetadata": part.columns, "TotalNumRows": part.rows}
        if form == "CSV":
            rest["ResultFormat"] = "CSV"
        if token:
            rest["NextToken"] = token
        return b'{"Records":' + records + b"," + orjson.dumps(rest)[1:]

    async def cancel(self, request: Document) -> Document:
        statement, _ = self._find(required(request, "Id"))
        if not self._execution.cancel(statement):
            raise invalid(
                f"Could not cancel a query that is already in {statement.status} state with ID: {statement.id}"
            )
        return {"Status": True}

    async def list_statements(self, request: Document) -> Document:
        self._expire()
        state = choice(request, "Status", (*_STATES, "ALL"), "FINISHED")
        prefix = request.get("StatementName")
        found = [
            one
            for one in self._store.newest_first()
            if (state in ("ALL", one.status))
            and (not prefix or one.name.startswith(prefix))
            and all(
                not request.get(name) or one.place.get(name) == request[name]
                for name in ("Database", "ClusterIdentifier", "WorkgroupName")
            )
        ]
        return page_of(request, [_listed(one) for one in found], "Statements", most=100)

    async def list_sessions(self, request: Document) -> Document:
        self._sessions.expire()
        state = choice(request, "Status", ("AVAILABLE", "BUSY", "CLOSED"), "")
        found = [
            one
            for one in sorted(self._sessions.all(), key=lambda one: one.created, reverse=True)
            if (not state or one.status == state)
            and (not request.get("SessionId") or one.id == request["SessionId"])
            and all(
                not request.get(name) or one.place.get(name) == request[name]
                for name in ("Database", "ClusterIdentifier", "WorkgroupName")
            )
        ]
        return page_of(request, [_listed_session(one) for one in found], "Sessions", most=100)

    def _find(self, identity: str) -> tuple[Statement, Part | None]:
        if not re.fullmatch(r"[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}(:\d+)?", identity):
            raise invalid("id must satisfy regex pattern: ^[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}(:\\d+)?$")
        statement = self._store.get(identity.partition(":")[0])
        if statement is not None and statement.is_final and statement.created < time.time() - self._limits.retention:
            statement = None
        part = next((one for one in statement.parts if one.id == identity), None) if statement else None
        if statement is None or (":" in identity and part is None):
            raise not_found(f"Query does not exist: {identity}", identity)
        return statement, part if statement.is_batch else statement.parts[0]


def _parameters(request: Document, sqls: list[str]) -> list[dict[str, str]]:
    from core.sandbox.redshift.engine.text import parameter_names

    parameters = request.get("Parameters") or []
    names = set()
    for one in parameters:
        name, value = one.get("name"), one.get("value")
        if not isinstance(name, str) or not _PARAMETER.match(name):
            raise invalid("A parameter's name must be of letters, digits and underscores")
        if not isinstance(value, str) or not value:
            raise invalid(f"The value of parameter {name} must have a length of at least 1")
        if name in names:
            raise invalid(f"The parameter {name} is given twice")
        names.add(name)
    used = set().union(*(parameter_names(sql) for sql in sqls))
    if missing := sorted(used - names):
        raise invalid(f"Parameters not given: {', '.join(missing)}")
    if unused := sorted(names - used):
        raise invalid(f"Parameters not used in the statement: {', '.join(unused)}")
    return [{"name": one["name"], "value": one["value"]} for one in parameters]


def _digest(request: Document) -> str:
    """Of what the request asks for; how long it would wait does not count."""
    asked = {name: value for name, value in request.items() if name not in ("ClientToken", "WaitTimeSeconds")}
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _sub_statement(part: Part) -> Document:
    answer: Document = {
        "Id": part.id,
        "CreatedAt": part.created,
        "UpdatedAt": part.updated,
        "Status": part.status,
        "Duration": part.duration,
        "QueryString": part.sql,
        "HasResultSet": part.has_result,
        "ResultRows": part.rows,
        "ResultSize": part.size,
        "RedshiftQueryId": part.query_id,
    }
    if part.error:
        answer["Error"] = part.error
    return answer


def _listed(statement: Statement) -> Document:
    answer: Document = {
        "Id": statement.id,
        "Status": statement.status,
        "CreatedAt": statement.created,
        "UpdatedAt": statement.updated,
        "IsBatchStatement": statement.is_batch,
        "ResultFormat": statement.result_format,
    }
    if statement.is_batch:
        answer["QueryStrings"] = [part.sql for part in statement.parts]
    else:
        answer["QueryString"] = statement.parts[0].sql
    if statement.name:
        answer["StatementName"] = statement.name
    if statement.parameters:
        answer["QueryParameters"] = statement.parameters
    if statement.session_id:
        answer["SessionId"] = statement.session_id
    if secret := statement.place.get("SecretArn"):
        answer["SecretArn"] = secret
    return answer


def _listed_session(session: ApiSession) -> Document:
    answer: Document = {
        "SessionId": session.id,
        "Status": session.status,
        "CreatedAt": session.created,
        "UpdatedAt": session.updated,
        "SessionAliveSeconds": session.keep_alive,
        "SessionTtl": session.ends,
        **{name: value for name, value in session.place.items() if name != "SecretArn"},
    }
    if session.statement_id:
        answer["CurrentStatementId"] = session.statement_id
    return answer
