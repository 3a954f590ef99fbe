"""System functions: who, where, which version."""

from __future__ import annotations

from core.sandbox.redshift.engine.compiling import Call
from core.sandbox.redshift.engine.functions.registry import function, refuse
from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.text import literal
from core.sandbox.redshift.engine.types import BOOL, INT4, INT8, SqlType
from core.sandbox.redshift.engine.value import Value

_NAME = SqlType("varchar", 128)
VERSION = (
    "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.0"
    " (Opsdesk sandbox, local engine)"
)

refuse(
    "it belongs to a cluster's own administration",
    "pg_cancel_backend", "pg_terminate_backend", "reboot_cluster", "explain_model", "is_member_of", "user_is_member_of", "role_is_member_of",
    "change_query_priority", "change_session_priority", "change_user_priority", "default_iam_role", "current_aws_account", "current_namespace",
    "pg_get_grantee_by_iam_role", "pg_get_iam_role_by_user", "pg_get_session_roles", "get_external_schema", "invoke_rls",
)  # fmt: skip
refuse("use SET, which takes effect for the whole session", "set_config")
refuse(
    "the catalogue's views say the same",
    "pg_get_cols",
    "pg_get_late_binding_view_cols",
    "pg_get_viewdef",
    "pg_get_userbyid",
)


@function("version")
def _version(call: Call) -> Value:
    call.count(0)
    return Value(literal(VERSION), SqlType("varchar", 256))


@function("current_database")
def _database(call: Call) -> Value:
    call.count(0)
    return Value("'dev'", _NAME)


@function("current_schema")
def _schema(call: Call) -> Value:
    call.count(0)
    return Value(literal(call.compiler.session.search_path[0]), _NAME)


@function("current_schemas")
def _schemas(call: Call) -> Value:
    call.count(1)
    path = call.compiler.session.search_path
    if call.arg(0).sql == "true":
        path = ["pg_catalog", *path]
    return Value(literal("{" + ",".join(path) + "}"), SqlType("varchar", 256))


@function("current_user", "session_user", "user", "current_user_name")
def _user(call: Call) -> Value:
    call.count(0)
    return Value(literal(call.compiler.session.user), _NAME)


@function("pg_backend_pid")
def _pid(call: Call) -> Value:
    call.count(0)
    return Value(str(call.compiler.session.pid), INT4)


@function("pg_last_query_id", "last_user_query_id", "pg_last_unload_id")
def _query_id(call: Call) -> Value:
    call.count(0)
    return Value(f"CAST({call.compiler.session.last_query_id} AS BIGINT)", INT8)


@function("pg_last_copy_id")
def _copy_id(call: Call) -> Value:
    call.count(0)
    return Value(f"CAST({call.compiler.session.settings.get('last copy id', '-1')} AS BIGINT)", INT8)


@function("pg_last_copy_count")
def _copy_count(call: Call) -> Value:
    call.count(0)
    return Value(f"CAST({call.compiler.session.settings.get('last copy count', '0')} AS BIGINT)", INT8)


@function("current_setting")
def _setting(call: Call) -> Value:
    call.count(1, 2)
    name = call.word(0)
    value = call.compiler.session.settings.get(name)
    if value is None:
        raise SqlError(f'unrecognized configuration parameter "{name}"')
    return Value(literal(value), SqlType("varchar", 256))


@function("has_table_privilege", "has_schema_privilege", "has_database_privilege", "has_assumerole_privilege")
def _privilege(call: Call) -> Value:
    if not 1 <= len(call.nodes) <= 3:
        raise call.unknown()
    call.args()
    return Value("true", BOOL)


@function("format_type")
def _format_type(call: Call) -> Value:
    """A type by its number in pg_type and its modifier (a NULL one leaves the size out)."""
    call.count(2)
    kind, modifier = (one.sql for one in call.args())
    return Value(f"rs_format_type({kind}, coalesce(CAST({modifier} AS INTEGER), -1))", SqlType("varchar", 256))


@function("pg_get_constraintdef")
def _constraint(call: Call) -> Value:
    call.count(1, 2)
    return _looked_up(call, "definition", "rs_meta.key_definitions", f"key_id = {call.args()[0].sql}")


@function("obj_description")
def _description(call: Call) -> Value:
    call.count(1, 2)
    return _looked_up(call, "description", "rs_pg.pg_description", f"objsubid = 0 AND objoid = {call.args()[0].sql}")


@function("col_description")
def _column_description(call: Call) -> Value:
    call.count(2)
    table, column = (one.sql for one in call.args())
    return _looked_up(call, "description", "rs_pg.pg_description", f"objsubid = {column} AND objoid = {table}")


def _looked_up(call: Call, wanted: str, view: str, condition: str) -> Value:
    return Value(f"(SELECT any_value({wanted}) FROM dev.{view} WHERE {condition})", SqlType("varchar", 65535))


@function("current_user_id")
def _user_id(call: Call) -> Value:
    call.count(0)
    return Value("100", INT4)


@function("slice_num")
def _slice(call: Call) -> Value:
    call.count(0)
    return Value("0", INT4)
