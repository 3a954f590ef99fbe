-- What drivers and tools (SQLAlchemy, dbt, awswrangler, Tableau) read of PostgreSQL's own catalogue: types, keys, indexes.

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

CREATE OR REPLACE VIEW rs_meta.key_columns AS
  SELECT t.id, k.schema_name, k.table_name, k.name, k.kind, k.to_schema, k.to_table, n.n, c.column_name, c.position, o.column_name AS to_column,
    o.position AS to_position, (hash(k.schema_name, k.table_name, k.name) % 1000000000)::BIGINT AS key_id
  FROM rs_meta.constraints k
  JOIN rs_meta.tables t ON t.schema_name = k.schema_name AND t.table_name = k.table_name
  JOIN (SELECT unnest(range(1, 1601))::INTEGER AS n) n ON n.n <= len(k.columns)
  JOIN rs_meta.columns c ON c.schema_name = k.schema_name AND c.table_name = k.table_name AND c.column_name = k.columns[n.n]
  LEFT JOIN rs_meta.columns o ON o.schema_name = k.to_schema AND o.table_name = k.to_table AND o.column_name = k.to_columns[n.n]
  WHERE k.schema_name NOT LIKE 'pg_temp_%';

CREATE OR REPLACE VIEW rs_meta.keys AS
  SELECT id, key_id, schema_name, table_name, name, kind, to_schema, to_table, string_agg(rs_quote_ident(column_name), ', ' ORDER BY n) AS names,
    '{' || string_agg(position::VARCHAR, ',' ORDER BY n) || '}' AS positions, string_agg(rs_quote_ident(to_column), ', ' ORDER BY n) AS to_names,
    '{' || string_agg(to_position::VARCHAR, ',' ORDER BY n) || '}' AS to_positions,
    CASE kind WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' ELSE 'FOREIGN KEY' END AS constraint_type
  FROM rs_meta.key_columns GROUP BY ALL;

CREATE OR REPLACE VIEW rs_pg.pg_constraint AS
  SELECT k.key_id AS oid, k.name AS conname, (hash(k.schema_name) % 1000000)::BIGINT AS connamespace, k.kind AS contype, k.id AS conrelid,
    coalesce(o.id, 0)::BIGINT AS confrelid, k.positions AS conkey, k.to_positions AS confkey
  FROM rs_meta.keys k LEFT JOIN rs_meta.tables o ON o.schema_name = k.to_schema AND o.table_name = k.to_table;

CREATE OR REPLACE VIEW rs_meta.key_definitions AS
  SELECT key_id, constraint_type || ' (' || names || ')' || CASE WHEN kind = 'f' THEN ' REFERENCES ' || CASE WHEN to_schema = 'public' THEN ''
    ELSE rs_quote_ident(to_schema) || '.' END || rs_quote_ident(to_table) || '(' || to_names || ')' ELSE '' END AS definition
  FROM rs_meta.keys;

CREATE OR REPLACE VIEW rs_pg.pg_indexes AS
  SELECT schema_name AS schemaname, table_name AS tablename, name AS indexname, NULL::VARCHAR AS tablespace,
    'CREATE UNIQUE INDEX ' || name || ' ON ' || table_name || ' USING btree (' || names || ')' AS indexdef
  FROM rs_meta.keys WHERE kind <> 'f';

CREATE OR REPLACE VIEW rs_info.table_constraints AS
  SELECT 'dev' AS constraint_catalog, schema_name AS constraint_schema, name AS constraint_name, 'dev' AS table_catalog,
    schema_name AS table_schema, table_name, constraint_type, 'NO' AS is_deferrable, 'NO' AS initially_deferred
  FROM rs_meta.keys;

CREATE OR REPLACE VIEW rs_info.key_column_usage AS
  SELECT 'dev' AS constraint_catalog, schema_name AS constraint_schema, name AS constraint_name, 'dev' AS table_catalog,
    schema_name AS table_schema, table_name, column_name, n AS ordinal_position
  FROM rs_meta.key_columns;

CREATE OR REPLACE VIEW rs_info.constraint_column_usage AS
  SELECT 'dev' AS table_catalog, CASE kind WHEN 'f' THEN to_schema ELSE schema_name END AS table_schema,
    CASE kind WHEN 'f' THEN to_table ELSE table_name END AS table_name, CASE kind WHEN 'f' THEN to_column ELSE column_name END AS column_name,
    'dev' AS constraint_catalog, schema_name AS constraint_schema, name AS constraint_name
  FROM rs_meta.key_columns;

CREATE OR REPLACE VIEW rs_info.referential_constraints AS
  SELECT 'dev' AS constraint_catalog, f.schema_name AS constraint_schema, f.name AS constraint_name, 'dev' AS unique_constraint_catalog,
    k.schema_name AS unique_constraint_schema, k.name AS unique_constraint_name, 'NONE' AS match_option, 'NO ACTION' AS update_rule,
    'NO ACTION' AS delete_rule
  FROM rs_meta.keys f
  JOIN rs_meta.keys k ON k.kind <> 'f' AND k.schema_name = f.to_schema AND k.table_name = f.to_table
    AND list_sort(string_split(k.names, ', ')) = list_sort(string_split(f.to_names, ', '))
  WHERE f.kind = 'f';

CREATE OR REPLACE VIEW rs_pg.pg_description AS
  SELECT t.id AS objoid, 1259::BIGINT AS classoid, coalesce(c.position, 0)::INTEGER AS objsubid, m.comment AS description
  FROM rs_meta.comments m
  JOIN rs_meta.tables t ON t.schema_name = m.schema_name AND t.table_name = m.table_name
  LEFT JOIN rs_meta.columns c ON c.schema_name = m.schema_name AND c.table_name = m.table_name AND c.column_name = m.column_name;
