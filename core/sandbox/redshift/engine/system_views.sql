-- The system tables and views over what this engine knows, each defined after what it reads.
-- What a cluster has and this engine has not (slices, queues, scans) is absent, and so refused by name.

CREATE OR REPLACE VIEW rs_info.columns AS
  SELECT 'dev' AS table_catalog, c.schema_name AS table_schema, c.table_name, c.column_name, c.position AS ordinal_position, nullif(c.default_text, '')
    AS column_default, CASE WHEN c.not_null THEN 'NO' ELSE 'YES' END AS is_nullable, rs_type_name(c.type_name, c.precision) AS
    data_type, CASE WHEN c.type_name IN ('varchar', 'char') THEN c.size END AS character_maximum_length, CASE c.type_name WHEN 'numeric' THEN
    c.precision WHEN 'int2' THEN 16 WHEN 'int4' THEN 32 WHEN 'int8' THEN 64 WHEN 'float4' THEN 24 WHEN 'float8' THEN 53 END AS numeric_precision, CASE
    c.type_name WHEN 'numeric' THEN c.scale WHEN 'int2' THEN 0 WHEN 'int4' THEN 0 WHEN 'int8' THEN 0 END AS numeric_scale
  FROM rs_meta.columns c
  WHERE c.schema_name NOT LIKE 'pg_temp_%';

CREATE OR REPLACE VIEW rs_info.tables AS
  SELECT 'dev' AS table_catalog, t.schema_name AS table_schema, t.table_name, CASE WHEN t.kind IN ('view', 'late', 'materialized') THEN 'VIEW' ELSE
    'BASE TABLE' END AS table_type
  FROM rs_meta.tables t
  WHERE t.schema_name NOT LIKE 'pg_temp_%';

CREATE OR REPLACE VIEW rs_info.views AS
  SELECT 'dev' AS table_catalog, schema_name AS table_schema, table_name, rs_view_text(kind, table_name, definition) AS view_definition
  FROM rs_meta.tables
  WHERE kind IN ('view', 'late', 'materialized');

CREATE OR REPLACE VIEW rs_pg.svv_all_schemas AS
  SELECT DISTINCT 'dev' AS database_name, schema_name, 100 AS schema_owner, 'local' AS schema_type, NULL::VARCHAR AS schema_acl, NULL::VARCHAR AS
    source_database, NULL::VARCHAR AS schema_option
  FROM duckdb_schemas()
  WHERE database_name = 'dev' AND schema_name NOT IN ('main', 'rs_meta', 'rs_pg', 'rs_info')
  UNION ALL SELECT 'dev', 'pg_catalog', 1, 'local', NULL, NULL, NULL
  UNION ALL SELECT 'dev', 'information_schema', 1, 'local', NULL, NULL, NULL;

CREATE OR REPLACE VIEW rs_pg.svv_redshift_schemas AS
  SELECT database_name, schema_name, schema_owner, schema_type, schema_acl, schema_option
  FROM rs_pg.svv_all_schemas;

CREATE OR REPLACE VIEW rs_pg.svv_redshift_databases AS
  SELECT 'dev' AS database_name, 100 AS database_owner, 'local' AS database_type, NULL::VARCHAR AS database_acl, NULL::VARCHAR AS database_options,
    'Snapshot Isolation' AS database_isolation_level;

CREATE OR REPLACE VIEW rs_pg.svv_columns AS
  SELECT table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, data_type, character_maximum_length,
    numeric_precision, numeric_scale,
    (SELECT any_value(m.comment) FROM rs_meta.comments m WHERE m.schema_name = i.table_schema AND m.table_name = i.table_name AND m.column_name = i.column_name) AS remarks
  FROM rs_info.columns i;

CREATE OR REPLACE VIEW rs_pg.svv_all_columns AS
  SELECT 'dev' AS database_name, c.schema_name, c.table_name, c.column_name, c.position AS ordinal_position, nullif(c.default_text, '') AS
    column_default, CASE WHEN c.not_null THEN 'NO' ELSE 'YES' END AS is_nullable, rs_type_name(c.type_name, c.precision) AS
    data_type, CASE WHEN c.type_name IN ('varchar', 'char') THEN c.size END AS character_maximum_length, CASE WHEN c.type_name = 'numeric' THEN
    c.precision END AS numeric_precision, CASE WHEN c.type_name = 'numeric' THEN c.scale END AS numeric_scale,
    (SELECT any_value(m.comment) FROM rs_meta.comments m WHERE m.schema_name = c.schema_name AND m.table_name = c.table_name AND m.column_name = c.column_name) AS remarks
  FROM rs_meta.columns c
  WHERE c.schema_name NOT LIKE 'pg_temp_%';

CREATE OR REPLACE VIEW rs_pg.svv_redshift_columns AS
  SELECT 'dev' AS database_name, c.schema_name, c.table_name, c.column_name, c.position AS ordinal_position, rs_type_name(c.type_name, c.precision) || rs_type_size(c.type_name, c.size, c.precision, c.scale) AS data_type, nullif(c.default_text, '') AS column_default, CASE WHEN
    c.not_null THEN 'NO' ELSE 'YES' END AS is_nullable, CASE WHEN c.encoding <> '' THEN c.encoding WHEN c.sortkey <> 0 OR c.type_name IN ('bool',
    'float4', 'float8') THEN 'none' WHEN c.type_name IN ('varchar', 'char', 'super', 'varbyte') THEN 'lzo' ELSE 'az64' END AS encoding, c.distkey,
    c.sortkey, NULL::VARCHAR AS column_acl,
    (SELECT any_value(m.comment) FROM rs_meta.comments m WHERE m.schema_name = c.schema_name AND m.table_name = c.table_name AND m.column_name = c.column_name) AS remarks
  FROM rs_meta.columns c
  WHERE c.schema_name NOT LIKE 'pg_temp_%';

CREATE OR REPLACE VIEW rs_pg.svv_tables AS
  SELECT table_catalog, table_schema, table_name, table_type,
    (SELECT any_value(m.comment) FROM rs_meta.comments m WHERE m.schema_name = i.table_schema AND m.table_name = i.table_name AND m.column_name = '') AS remarks
  FROM rs_info.tables i;

CREATE OR REPLACE VIEW rs_pg.svv_all_tables AS
  SELECT 'dev' AS database_name, t.schema_name, t.table_name, CASE WHEN t.kind IN ('view', 'late', 'materialized') THEN 'VIEW' ELSE 'TABLE' END AS
    table_type, NULL::VARCHAR AS table_acl,
    (SELECT any_value(m.comment) FROM rs_meta.comments m WHERE m.schema_name = t.schema_name AND m.table_name = t.table_name AND m.column_name = '') AS remarks
  FROM rs_meta.tables t
  WHERE t.schema_name NOT LIKE 'pg_temp_%';

CREATE OR REPLACE VIEW rs_pg.svv_redshift_tables AS
  SELECT *
  FROM rs_pg.svv_all_tables;

CREATE OR REPLACE VIEW rs_pg.svv_table_info AS
  SELECT 'dev' AS database, t.schema_name AS schema, t.id AS table_id, t.table_name AS "table", 'N' AS encoded, CASE WHEN t.diststyle = 'KEY' THEN
    'KEY(' || coalesce((SELECT max(c.column_name)
  FROM rs_meta.columns c
  WHERE c.schema_name = t.schema_name AND c.table_name = t.table_name AND c.distkey), '') || ')' WHEN t.diststyle = 'AUTO' THEN 'AUTO(ALL)' ELSE
    t.diststyle END AS diststyle, coalesce((SELECT max(c.column_name)
  FROM rs_meta.columns c
  WHERE c.schema_name = t.schema_name AND c.table_name = t.table_name AND c.sortkey = 1), CASE WHEN t.sort_style = 'AUTO' OR t.sort_style = '' THEN
    'AUTO(SORTKEY)' END) AS sortkey1, NULL::INTEGER AS max_varchar, NULL::VARCHAR AS sortkey1_enc, (SELECT count(*)
  FROM rs_meta.columns c
  WHERE c.schema_name = t.schema_name AND c.table_name = t.table_name AND c.sortkey <> 0) AS sortkey_num, greatest(1, (SELECT
    coalesce(max(d.estimated_size), 0)
  FROM duckdb_tables() d
  WHERE d.schema_name = t.schema_name AND d.table_name = t.table_name) * 100 // 1048576) AS size, NULL::DECIMAL(10,4) AS pct_used, 0::BIGINT AS empty,
    0.00::DECIMAL(5,2) AS unsorted, 0.00::DECIMAL(5,2) AS stats_off, (SELECT coalesce(max(d.estimated_size), 0)
  FROM duckdb_tables() d
  WHERE d.schema_name = t.schema_name AND d.table_name = t.table_name)::DECIMAL(38,0) AS tbl_rows, NULL::DECIMAL(19,2) AS skew_sortkey1,
    1.00::DECIMAL(19,2) AS skew_rows, (SELECT coalesce(max(d.estimated_size), 0)
  FROM duckdb_tables() d
  WHERE d.schema_name = t.schema_name AND d.table_name = t.table_name)::DECIMAL(38,0) AS estimated_visible_rows, NULL::VARCHAR AS risk_event,
    NULL::DECIMAL(12,2) AS vacuum_sort_benefit, t.created AS create_time
  FROM rs_meta.tables t
  WHERE t.kind IN ('table', 'materialized') AND t.schema_name NOT LIKE 'pg_temp_%';

CREATE OR REPLACE VIEW rs_pg.svv_views AS
  SELECT *
  FROM rs_info.views;

CREATE OR REPLACE VIEW rs_pg.svv_external_schemas AS
  SELECT 0 AS esoid, 0 AS eskind, ''::VARCHAR AS schemaname, 0 AS esowner, ''::VARCHAR AS databasename, ''::VARCHAR AS esoptions
  WHERE false;

CREATE OR REPLACE VIEW rs_pg.svv_external_tables AS
  SELECT ''::VARCHAR AS schemaname, ''::VARCHAR AS tablename, ''::VARCHAR AS location, ''::VARCHAR AS input_format, ''::VARCHAR AS output_format,
    ''::VARCHAR AS serialization_lib, ''::VARCHAR AS serde_parameters, 0 AS compressed, ''::VARCHAR AS parameters, ''::VARCHAR AS tabletype
  WHERE false;

CREATE OR REPLACE VIEW rs_pg.svv_external_columns AS
  SELECT ''::VARCHAR AS schemaname, ''::VARCHAR AS tablename, ''::VARCHAR AS columnname, ''::VARCHAR AS external_type, 0 AS columnnum, 0 AS part_key,
    ''::VARCHAR AS is_nullable
  WHERE false;

CREATE OR REPLACE VIEW rs_pg.svv_external_databases AS
  SELECT 0 AS eskind, ''::VARCHAR AS esoptions, ''::VARCHAR AS databasename
  WHERE false;

CREATE OR REPLACE VIEW rs_pg.svv_datashares AS
  SELECT ''::VARCHAR AS share_name, ''::VARCHAR AS share_type
  WHERE false;

CREATE OR REPLACE VIEW rs_pg.svv_mv_info AS
  SELECT 'dev' AS database_name, t.schema_name, 100 AS user_id, t.table_name AS name, 'f' AS is_stale, 0 AS state, 'f' AS autorefresh, 'f' AS
    autorewrite
  FROM rs_meta.tables t
  WHERE t.kind = 'materialized';

CREATE OR REPLACE VIEW rs_pg.stv_mv_info AS
  SELECT 'dev' AS db_name, t.schema_name AS "schema", t.table_name AS name, 0 AS updated_upto_xid, 'f' AS is_stale, 'awsuser' AS owner_user_name, 0 AS
    state, 'f' AS autorewrite, 'f' AS autorefresh
  FROM rs_meta.tables t
  WHERE t.kind = 'materialized';

CREATE OR REPLACE VIEW rs_pg.pg_table_def AS
  SELECT c.schema_name AS schemaname, c.table_name AS tablename, c.column_name AS "column", rs_type_name(c.type_name, c.precision)
    || rs_type_size(c.type_name, c.size, c.precision, c.scale) AS type, CASE WHEN c.encoding <> '' THEN c.encoding WHEN c.sortkey <> 0 OR c.type_name IN ('bool',
    'float4', 'float8') THEN 'none' WHEN c.type_name IN ('varchar', 'char', 'super', 'varbyte') THEN 'lzo' ELSE 'az64' END AS encoding, c.distkey,
    c.sortkey, c.not_null AS "notnull"
  FROM rs_meta.columns c
  JOIN rs_meta.tables t ON t.schema_name = c.schema_name AND t.table_name = c.table_name AND t.kind IN ('table', 'materialized')
  WHERE list_contains(coalesce(getvariable('rs_visible'), ['public', 'pg_catalog']), c.schema_name)
  ORDER BY c.schema_name, c.table_name, c.position;

CREATE OR REPLACE VIEW rs_pg.pg_tables AS
  SELECT t.schema_name AS schemaname, t.table_name AS tablename, t.owner AS tableowner, NULL::VARCHAR AS tablespace, false AS hasindexes, false AS
    hasrules, false AS hastriggers
  FROM rs_meta.tables t
  WHERE t.kind = 'table' AND t.schema_name NOT LIKE 'pg_temp_%';

CREATE OR REPLACE VIEW rs_pg.pg_views AS
  SELECT schema_name AS schemaname, table_name AS viewname, owner AS viewowner, rs_view_text(kind, table_name, definition) AS definition
  FROM rs_meta.tables
  WHERE kind IN ('view', 'late', 'materialized');

CREATE OR REPLACE VIEW rs_pg.pg_user AS
  SELECT 'awsuser' AS usename, 100 AS usesysid, true AS usecreatedb, true AS usesuper, false AS usecatupd, '********' AS passwd, NULL::TIMESTAMP AS
    valuntil, NULL::VARCHAR AS useconfig;

CREATE OR REPLACE VIEW rs_pg.svl_user_info AS
  SELECT 'awsuser' AS usename, 100 AS usesysid, true AS usecreatedb, true AS usesuper, false AS usecatupd, 'UNLIMITED' AS useconnlimit, 'UNRESTRICTED'
    AS syslogaccess;

CREATE OR REPLACE VIEW rs_pg.svv_users AS
  SELECT 100 AS user_id, 'awsuser' AS user_name, true AS create_db, true AS super_user, true AS catalog_update, 'UNLIMITED' AS connection_limit;

CREATE OR REPLACE VIEW rs_pg.pg_group AS
  SELECT ''::VARCHAR AS groname, 0 AS grosysid, ''::VARCHAR AS grolist
  WHERE false;

CREATE OR REPLACE VIEW rs_pg.pg_database AS
  SELECT 'dev' AS datname, 100 AS datdba, 6 AS encoding, false AS datistemplate, true AS datallowconn, 1::BIGINT AS oid;

CREATE OR REPLACE VIEW rs_pg.pg_namespace AS
  SELECT schema_name AS nspname, 100 AS nspowner, NULL::VARCHAR AS nspacl, (hash(schema_name) % 1000000)::BIGINT AS oid
  FROM rs_pg.svv_all_schemas;

CREATE OR REPLACE VIEW rs_pg.pg_class AS
  SELECT t.table_name AS relname, (hash(t.schema_name) % 1000000)::BIGINT AS relnamespace, 100 AS relowner, CASE WHEN t.kind IN ('view', 'late',
    'materialized') THEN 'v' ELSE 'r' END AS relkind, t.id AS oid, (SELECT count(*)
  FROM rs_meta.columns c
  WHERE c.schema_name = t.schema_name AND c.table_name = t.table_name)::SMALLINT AS relnatts, CASE t.diststyle WHEN 'EVEN' THEN 0 WHEN 'KEY' THEN 1 WHEN
    'ALL' THEN 8 ELSE 9 END::SMALLINT AS reldiststyle
  FROM rs_meta.tables t;

CREATE OR REPLACE VIEW rs_pg.pg_class_info AS
  SELECT relname, relnamespace, relowner, relkind, oid AS reloid, relnatts, reldiststyle AS releffectivediststyle
  FROM rs_pg.pg_class;

CREATE OR REPLACE VIEW rs_pg.stl_query AS
  SELECT 100 AS userid, q.query_id AS query, 'default' AS label, q.transaction_id AS xid, q.pid, 'dev' AS database, q.query_text AS querytxt,
    q.start_time AS starttime, q.end_time AS endtime, CASE WHEN q.status = 'success' THEN 0 ELSE 1 END AS aborted, 0 AS insert_pristine, 0 AS
    concurrency_scaling_status, epoch_us(coalesce(q.end_time, now()::TIMESTAMP)) - epoch_us(q.start_time) AS elapsed
  FROM rs_meta.query_log q
  WHERE q.status <> 'running' AND q.query_type NOT IN ('DDL', 'UTILITY');

CREATE OR REPLACE VIEW rs_pg.stl_querytext AS
  SELECT 100 AS userid, q.transaction_id AS xid, q.pid, q.query_id AS query, 0 AS sequence, left(q.query_text, 200) AS text
  FROM rs_meta.query_log q;

CREATE OR REPLACE VIEW rs_pg.stl_ddltext AS
  SELECT 100 AS userid, q.transaction_id AS xid, q.pid, 'default' AS label, q.start_time AS starttime, q.end_time AS endtime, 0 AS sequence,
    left(q.query_text, 200) AS text
  FROM rs_meta.query_log q
  WHERE q.query_type = 'DDL';

CREATE OR REPLACE VIEW rs_pg.stl_utilitytext AS
  SELECT 100 AS userid, q.transaction_id AS xid, q.pid, 'default' AS label, q.start_time AS starttime, q.end_time AS endtime, 0 AS sequence,
    left(q.query_text, 200) AS text
  FROM rs_meta.query_log q
  WHERE q.query_type = 'UTILITY';

CREATE OR REPLACE VIEW rs_pg.svl_statementtext AS
  SELECT 100 AS userid, q.transaction_id AS xid, q.pid, 'default' AS label, q.start_time AS starttime, q.end_time AS endtime, 0 AS sequence,
    CASE WHEN q.query_type IN ('DDL', 'UTILITY') THEN q.query_type ELSE 'QUERY' END AS type, left(q.query_text, 200) AS text
  FROM rs_meta.query_log q;

CREATE OR REPLACE VIEW rs_pg.svl_qlog AS
  SELECT 100 AS userid, q.query_id AS query, q.transaction_id AS xid, q.pid, q.start_time AS starttime, q.end_time AS endtime,
    epoch_us(coalesce(q.end_time, now()::TIMESTAMP)) - epoch_us(q.start_time) AS elapsed, CASE WHEN q.status = 'success' THEN 0 ELSE 1 END AS aborted,
    'default' AS label, left(q.query_text, 60) AS "substring", NULL::BIGINT AS source_query, 0 AS concurrency_scaling_status
  FROM rs_meta.query_log q
  WHERE q.status <> 'running';

CREATE OR REPLACE VIEW rs_pg.stl_load_errors AS
  SELECT 100 AS userid, 0 AS slice, e.tbl::INTEGER AS tbl, e.starttime, 0 AS session, e.query, e.filename, e.line_number, e.colname, e.type,
    e.col_length, e.position, e.raw_line, e.raw_field_value, e.err_code, e.err_reason, 0 AS is_partial, 0 AS start_offset, e.table_name
  FROM rs_meta.load_errors e;

CREATE OR REPLACE VIEW rs_pg.sys_load_error_detail AS
  SELECT 100 AS user_id, e.query AS query_id, NULL::BIGINT AS transaction_id, 0 AS session_id, 'dev' AS database_name, e.tbl AS table_id, e.starttime AS
    start_time, e.filename AS file_name, e.line_number, e.colname AS column_name, e.type AS column_type, e.col_length AS column_length, e.position,
    e.err_code AS error_code, e.err_reason AS error_message
  FROM rs_meta.load_errors e;

CREATE OR REPLACE VIEW rs_pg.stl_load_commits AS
  SELECT 100 AS userid, f.query, 0 AS slice, f.filename AS name, f.filename, 0 AS byte_offset, f.lines_scanned, 0 AS errors, f.curtime, 1 AS status,
    'text' AS file_format, false AS is_partial, f.bytes
  FROM rs_meta.load_files f;

CREATE OR REPLACE VIEW rs_pg.sys_load_history AS
  SELECT 100 AS user_id, f.query AS query_id, 'dev' AS database_name, f.table_name, min(f.curtime) AS start_time, max(f.curtime) AS end_time,
    'completed' AS status, sum(f.lines_scanned)::BIGINT AS loaded_rows, sum(f.bytes)::BIGINT AS loaded_bytes, count(*) AS source_file_count
  FROM rs_meta.load_files f
  GROUP BY f.query, f.table_name;

CREATE OR REPLACE VIEW rs_pg.stl_unload_log AS
  SELECT 100 AS userid, u.query, 0 AS slice, 0 AS pid, u.path, u.start_time, u.start_time AS end_time, u.line_count, u.transfer_size, u.file_format
  FROM rs_meta.unload_files u;

CREATE OR REPLACE VIEW rs_pg.sys_unload_history AS
  SELECT 100 AS user_id, u.query AS query_id, 'dev' AS database_name, 'completed' AS status, min(u.start_time) AS start_time, max(u.start_time) AS
    end_time, u.file_format, sum(u.line_count)::BIGINT AS unloaded_rows, count(*) AS unloaded_files_count, sum(u.transfer_size)::BIGINT AS
    unloaded_files_size
  FROM rs_meta.unload_files u
  GROUP BY u.query, u.file_format;

CREATE OR REPLACE VIEW rs_pg.stv_recents AS
  SELECT 100 AS userid, CASE WHEN q.status = 'running' THEN 'Running' ELSE 'Done' END AS status, q.start_time AS starttime,
    epoch_us(coalesce(q.end_time, now()::TIMESTAMP)) - epoch_us(q.start_time) AS duration, q.user_name, 'dev' AS db_name, q.query_text AS query, q.pid
  FROM rs_meta.query_log q;

CREATE OR REPLACE VIEW rs_pg.stv_inflight AS
  SELECT 100 AS userid, 0 AS slice, q.query_id AS query, 'default' AS label, q.transaction_id AS xid, q.pid, q.start_time AS starttime,
    left(q.query_text, 100) AS text, 0 AS suspended
  FROM rs_meta.query_log q
  WHERE q.status = 'running';

CREATE OR REPLACE VIEW rs_pg.stv_sessions AS
  SELECT min(q.start_time) AS starttime, q.pid AS process, any_value(q.user_name) AS user_name, 'dev' AS db_name, 0 AS timeout_sec
  FROM rs_meta.query_log q
  WHERE q.status = 'running'
  GROUP BY q.pid;

CREATE OR REPLACE VIEW rs_pg.stv_tbl_perm AS
  SELECT 0 AS slice, t.id::INTEGER AS id, t.table_name AS name, (SELECT coalesce(max(d.estimated_size), 0)
  FROM duckdb_tables() d
  WHERE d.schema_name = t.schema_name AND d.table_name = t.table_name)::BIGINT AS rows, (SELECT coalesce(max(d.estimated_size), 0)
  FROM duckdb_tables() d
  WHERE d.schema_name = t.schema_name AND d.table_name = t.table_name)::BIGINT AS sorted_rows, 0 AS temp, 1 AS db_id
  FROM rs_meta.tables t
  WHERE t.kind = 'table';

CREATE OR REPLACE VIEW rs_pg.stv_slices AS
  SELECT 0 AS node, 0 AS slice, 0 AS localslice, 'D' AS type;

CREATE OR REPLACE VIEW rs_pg.stv_locks AS
  SELECT 0 AS table_id, now()::TIMESTAMP AS last_commit, now()::TIMESTAMP AS last_update, 0 AS lock_owner, 0 AS lock_owner_pid, now()::TIMESTAMP AS
    lock_owner_start_ts, now()::TIMESTAMP AS lock_owner_end_ts, ''::VARCHAR AS lock_status
  WHERE false;

CREATE OR REPLACE VIEW rs_pg.sys_query_history AS
  SELECT 100 AS user_id, q.query_id, 'default' AS query_label, q.transaction_id, q.pid AS session_id, 'dev' AS database_name, q.query_type, q.status,
    false AS result_cache_hit, q.start_time, q.end_time, epoch_us(coalesce(q.end_time, now()::TIMESTAMP)) - epoch_us(q.start_time) AS elapsed_time,
    0::BIGINT AS queue_time, epoch_us(coalesce(q.end_time, now()::TIMESTAMP)) - epoch_us(q.start_time) AS execution_time, q.error AS error_message,
    q.returned_rows, NULL::BIGINT AS returned_bytes, q.query_text, NULL::VARCHAR AS redshift_version, 'primary' AS compute_type, 0::BIGINT AS
    compile_time, 0::BIGINT AS planning_time, 0::BIGINT AS lock_wait_time, q.user_name AS username
  FROM rs_meta.query_log q;

CREATE OR REPLACE VIEW rs_pg.sys_query_text AS
  SELECT 100 AS user_id, q.query_id, q.transaction_id, q.pid AS session_id, q.start_time, 0 AS sequence, q.query_text AS text
  FROM rs_meta.query_log q;

CREATE OR REPLACE VIEW rs_info.schemata AS
  SELECT 'dev' AS catalog_name, schema_name, 'awsuser' AS schema_owner
  FROM rs_pg.svv_all_schemas;

CREATE OR REPLACE VIEW rs_pg.svv_user_info AS
  SELECT 'awsuser' AS user_name, 100 AS user_id, true AS createdb, true AS superuser, false AS catalog_update, 'UNLIMITED' AS connection_limit,
    'UNRESTRICTED' AS syslog_access, NULL::TIMESTAMP AS last_ddl_ts, NULL::INTEGER AS session_timeout, NULL::VARCHAR AS external_user_id;

CREATE OR REPLACE VIEW rs_pg.svv_roles AS
  SELECT 0 AS role_id, ''::VARCHAR AS role_name, ''::VARCHAR AS role_owner, ''::VARCHAR AS external_id
  WHERE false;
