-- What drivers and tools (SQLAlchemy, dbt, awswrangler, Tableau) read of PostgreSQL's own catalogue: types, keys, indexes.
-- Primary keys are the only constraints that this engine remembers.

CREATE OR REPLACE VIEW rs_pg.pg_type AS
  SELECT oid::BIGINT AS oid, typname, CASE WHEN typname = 'unknown' THEN 'p' ELSE 'b' END AS typtype, typlen::SMALLINT AS typlen,
    (hash('pg_catalog') % 1000000)::BIGINT AS typnamespace
  FROM (VALUES (16, 'bool', 1), (18, 'char', 1), (19, 'name', 128), (20, 'int8', 8), (21, 'int2', 2), (23, 'int4', 4), (25, 'text', -1),
    (26, 'oid', 4), (700, 'float4', 4), (701, 'float8', 8), (705, 'unknown', -1), (1042, 'bpchar', -1), (1043, 'varchar', -1), (1082, 'date', 4),
    (1083, 'time', 8), (1114, 'timestamp', 8), (1184, 'timestamptz', 8), (1188, 'intervaly2m', 4), (1190, 'intervald2s', 8),
    (1266, 'timetz', 12), (1700, 'numeric', -1), (4000, 'super', -1), (6551, 'varbyte', -1)) AS t(oid, typname, typlen);

CREATE OR REPLACE VIEW rs_pg.pg_attribute AS
  SELECT t.id AS attrelid, c.column_name AS attname, rs_type_oid(c.type_name, c.precision)::BIGINT AS atttypid, c.position::SMALLINT AS attnum,
    CASE WHEN c.type_name = 'numeric' THEN c.precision * 65536 + c.scale + 4 WHEN c.type_name IN ('varchar', 'char', 'varbyte') AND c.size > 0
    THEN c.size + 4 ELSE -1 END::INTEGER AS atttypmod, c.not_null AS attnotnull, (c.default_text <> '' OR c.identity <> '') AS atthasdef,
    false AS attisdropped, c.distkey AS attisdistkey, c.sortkey AS attsortkeyord
  FROM rs_meta.columns c
  JOIN rs_meta.tables t ON t.schema_name = c.schema_name AND t.table_name = c.table_name;

CREATE OR REPLACE VIEW rs_pg.pg_attrdef AS
  SELECT t.id AS adrelid, c.position::SMALLINT AS adnum, c.default_text AS adsrc
  FROM rs_meta.columns c
  JOIN rs_meta.tables t ON t.schema_name = c.schema_name AND t.table_name = c.table_name
  WHERE c.default_text <> '';

CREATE OR REPLACE VIEW rs_meta.primary_keys AS
  SELECT t.id, t.schema_name, t.table_name, t.table_name || '_pkey' AS key_name, string_agg(c.column_name, ', ' ORDER BY c.position) AS names,
    '{' || string_agg(c.position::VARCHAR, ',' ORDER BY c.position) || '}' AS positions
  FROM rs_meta.columns c
  JOIN rs_meta.tables t ON t.schema_name = c.schema_name AND t.table_name = c.table_name
  WHERE c.primary_key AND t.schema_name NOT LIKE 'pg_temp_%'
  GROUP BY t.id, t.schema_name, t.table_name;

CREATE OR REPLACE VIEW rs_pg.pg_constraint AS
  SELECT key_name AS conname, (hash(schema_name) % 1000000)::BIGINT AS connamespace, 'p' AS contype, id AS conrelid, positions AS conkey
  FROM rs_meta.primary_keys;

CREATE OR REPLACE VIEW rs_pg.pg_indexes AS
  SELECT schema_name AS schemaname, table_name AS tablename, key_name AS indexname, NULL::VARCHAR AS tablespace,
    'CREATE UNIQUE INDEX ' || key_name || ' ON ' || table_name || ' USING btree (' || names || ')' AS indexdef
  FROM rs_meta.primary_keys;

CREATE OR REPLACE VIEW rs_info.table_constraints AS
  SELECT 'dev' AS constraint_catalog, schema_name AS constraint_schema, key_name AS constraint_name, 'dev' AS table_catalog,
    schema_name AS table_schema, table_name, 'PRIMARY KEY' AS constraint_type, 'NO' AS is_deferrable, 'NO' AS initially_deferred
  FROM rs_meta.primary_keys;

CREATE OR REPLACE VIEW rs_info.key_column_usage AS
  SELECT 'dev' AS constraint_catalog, k.schema_name AS constraint_schema, k.key_name AS constraint_name, 'dev' AS table_catalog,
    k.schema_name AS table_schema, k.table_name, c.column_name,
    row_number() OVER (PARTITION BY k.id ORDER BY c.position)::INTEGER AS ordinal_position
  FROM rs_meta.primary_keys k
  JOIN rs_meta.columns c ON c.schema_name = k.schema_name AND c.table_name = k.table_name AND c.primary_key;
