-- Schemas and tables in which the engine keeps what DuckDB's catalogue has no place for.

CREATE SCHEMA IF NOT EXISTS public;
CREATE SCHEMA IF NOT EXISTS rs_meta;
CREATE SCHEMA IF NOT EXISTS rs_pg;
CREATE SCHEMA IF NOT EXISTS rs_info;
CREATE TABLE IF NOT EXISTS rs_meta.tables (schema_name VARCHAR, table_name VARCHAR, kind VARCHAR, diststyle VARCHAR, sort_style VARCHAR,
  definition VARCHAR, owner VARCHAR, created TIMESTAMP, id BIGINT);
CREATE TABLE IF NOT EXISTS rs_meta.columns (schema_name VARCHAR, table_name VARCHAR, column_name VARCHAR, position INTEGER, type_name
  VARCHAR, size INTEGER, precision INTEGER, scale INTEGER, encoding VARCHAR, distkey BOOLEAN, sortkey INTEGER, identity VARCHAR,
  default_text VARCHAR, not_null BOOLEAN);
CREATE TABLE IF NOT EXISTS rs_meta.constraints (schema_name VARCHAR, table_name VARCHAR, position INTEGER, name VARCHAR, kind VARCHAR, columns
  VARCHAR[], to_schema VARCHAR, to_table VARCHAR, to_columns VARCHAR[]);
CREATE TABLE IF NOT EXISTS rs_meta.comments (schema_name VARCHAR, table_name VARCHAR, column_name VARCHAR, comment VARCHAR);
CREATE TABLE IF NOT EXISTS rs_meta.depends (view_schema VARCHAR, view_name VARCHAR, schema_name VARCHAR, table_name VARCHAR);
CREATE TABLE IF NOT EXISTS rs_meta.query_log (query_id BIGINT, pid INTEGER, user_name VARCHAR, session_start TIMESTAMP, start_time
  TIMESTAMP, end_time TIMESTAMP, status VARCHAR, query_type VARCHAR, query_text VARCHAR, returned_rows BIGINT, error VARCHAR, transaction_id
  BIGINT);
CREATE TABLE IF NOT EXISTS rs_meta.load_errors (query BIGINT, starttime TIMESTAMP, filename VARCHAR, line_number BIGINT, colname VARCHAR,
  type VARCHAR, col_length VARCHAR, position INTEGER, raw_line VARCHAR, raw_field_value VARCHAR, err_code INTEGER, err_reason VARCHAR, tbl
  BIGINT, table_name VARCHAR);
CREATE TABLE IF NOT EXISTS rs_meta.load_files (query BIGINT, filename VARCHAR, lines_scanned BIGINT, curtime TIMESTAMP, table_name VARCHAR,
  bytes BIGINT);
CREATE TABLE IF NOT EXISTS rs_meta.unload_files (query BIGINT, path VARCHAR, line_count BIGINT, transfer_size BIGINT, file_format VARCHAR,
  start_time TIMESTAMP);
CREATE TABLE IF NOT EXISTS rs_meta.definitions (version VARCHAR);
CREATE SEQUENCE IF NOT EXISTS rs_meta.object_ids START 100100;
DELETE FROM rs_meta.tables WHERE schema_name LIKE 'pg_temp_%';
DELETE FROM rs_meta.columns WHERE schema_name LIKE 'pg_temp_%';
DELETE FROM rs_meta.comments WHERE schema_name LIKE 'pg_temp_%';
DELETE FROM rs_meta.constraints WHERE schema_name LIKE 'pg_temp_%';
DELETE FROM rs_meta.depends WHERE view_schema LIKE 'pg_temp_%' OR schema_name LIKE 'pg_temp_%';
