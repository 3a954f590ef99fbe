-- Redshift's functions spelled in DuckDB's own SQL, so that they run on columns, not row by row.
-- rs_raise(message) has no type of its own, as DuckDB's error().

CREATE OR REPLACE MACRO main.rs_not_zero(x) AS
    CASE WHEN x = 0 THEN rs_raise('Divide by zero') ELSE x END;

CREATE OR REPLACE MACRO main.rs_ascii(s) AS
    CASE WHEN s = '' THEN 0 ELSE ascii(s) END;

CREATE OR REPLACE MACRO main.rs_left(s, n) AS
    CASE WHEN n < 0 THEN rs_raise('negative substring length not allowed') ELSE left(s, n) END;

CREATE OR REPLACE MACRO main.rs_right(s, n) AS
    CASE WHEN n < 0 THEN rs_raise('negative substring length not allowed') ELSE right(s, n) END;

CREATE OR REPLACE MACRO main.rs_lpad(s, n, f) AS
    CASE WHEN n <= 0 THEN left(s, 0) WHEN f = '' THEN left(s, n) ELSE lpad(s, CAST(n AS INTEGER), f) END;

CREATE OR REPLACE MACRO main.rs_rpad(s, n, f) AS
    CASE WHEN n <= 0 THEN left(s, 0) WHEN f = '' THEN left(s, n) ELSE rpad(s, CAST(n AS INTEGER), f) END;

CREATE OR REPLACE MACRO main.rs_replace(s, a, b) AS
    CASE WHEN a = '' THEN CASE WHEN b IS NOT NULL THEN s END ELSE replace(s, a, b) END;

CREATE OR REPLACE MACRO main.rs_split_part(s, d, n) AS
    CASE WHEN n <= 0 THEN rs_raise('field position must be greater than zero') WHEN d = '' THEN CASE WHEN n = 1 THEN s ELSE '' END
    ELSE split_part(s, d, n) END;

CREATE OR REPLACE MACRO main.rs_substring(s, p, n) AS
    CASE WHEN n < 0 THEN rs_raise('negative substring length not allowed')
    ELSE substring(s, greatest(p, 1), greatest(p + n - greatest(p, 1), 0)) END;

CREATE OR REPLACE MACRO main.rs_ln(x) AS
    CASE WHEN x = 0 THEN rs_raise('cannot take logarithm of zero') WHEN x < 0 THEN rs_raise('cannot take logarithm of a negative number')
    ELSE ln(x) END;

CREATE OR REPLACE MACRO main.rs_log10(x) AS
    CASE WHEN x = 0 THEN rs_raise('cannot take logarithm of zero') WHEN x < 0 THEN rs_raise('cannot take logarithm of a negative number')
    ELSE log10(x) END;

CREATE OR REPLACE MACRO main.rs_sqrt(x) AS
    CASE WHEN x < 0 THEN rs_raise('cannot take square root of a negative number') ELSE sqrt(x) END;

CREATE OR REPLACE MACRO main.rs_cut(s, n) AS
    CASE WHEN strlen(s) <= n THEN s ELSE rs_cut_bytes_of_text(s, n) END;

CREATE OR REPLACE MACRO main.rs_fit(s, n) AS
    CASE WHEN s IS NULL THEN NULL WHEN strlen(s) <= n THEN s WHEN strlen(rtrim(s, ' ')) <= n THEN left(s, n)
    ELSE rs_raise('Value too long for character type') END;

CREATE OR REPLACE MACRO main.rs_cut_bytes(b, n) AS
    rs_bytes_part(b, 1, n);

CREATE OR REPLACE MACRO main.rs_integer(s, k) AS
    CASE WHEN regexp_full_match(trim(s), '[+-]?[0-9]+') THEN trim(s) ELSE rs_raise(CASE
    WHEN trim(s) = '' THEN 'invalid input syntax for integer: "' || s || '"'
    ELSE 'Invalid digit, Value ''' || regexp_extract(trim(s), '^[+-]?[0-9]*(.)', 1) || ''', Pos ' || CAST(length(regexp_extract(trim(s), '^[+-]?[0-9]*')) AS VARCHAR) || ', Type: ' || k END) END;

CREATE OR REPLACE MACRO main.rs_bool(s) AS
    CASE WHEN lower(trim(s)) IN ('t', 'true', 'y', 'yes', '1', 'on') THEN true
    WHEN lower(trim(s)) IN ('f', 'false', 'n', 'no', '0', 'off') THEN false WHEN s IS NULL THEN NULL
    ELSE rs_raise('invalid input syntax for type boolean: "' || s || '"') END;

CREATE OR REPLACE MACRO main.rs_date(s) AS
    coalesce(CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9:.]+)?') THEN TRY_CAST(s AS DATE) END, rs_parse_date(s));

CREATE OR REPLACE MACRO main.rs_timestamp(s) AS
    coalesce(CASE
    WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?)?') THEN TRY_CAST(s AS TIMESTAMP) END, rs_parse_timestamp(s));

CREATE OR REPLACE MACRO main.rs_timestamptz(s) AS
    coalesce(CASE
    WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([+-][0-9]{2})?)?') THEN TRY_CAST(s AS TIMESTAMPTZ) END, timezone('UTC', rs_parse_timestamptz(s)));

CREATE OR REPLACE MACRO main.rs_time(s) AS
    coalesce(CASE WHEN regexp_full_match(s, '[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?') THEN TRY_CAST(s AS TIME) END, rs_parse_time(s));

CREATE OR REPLACE MACRO main.rs_timetz(s) AS
    coalesce(TRY_CAST(s AS TIMETZ), CAST(rs_parse_timetz(s) AS TIMETZ));

CREATE OR REPLACE MACRO main.rs_float_text(x) AS
    CASE WHEN x IS NULL THEN NULL WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
    WHEN typeof(x) = 'FLOAT' THEN format('{:.6g}', x) ELSE format('{:.15g}', x) END;

CREATE OR REPLACE MACRO main.rs_interval_text(i) AS
    regexp_replace(CAST(i AS VARCHAR), 'month', 'mon');

CREATE OR REPLACE MACRO main.rs_interval_months(i) AS
    CAST(date_part('year', i) AS VARCHAR) || ' years ' || CAST(date_part('month', i) AS VARCHAR) || ' mons';

CREATE OR REPLACE MACRO main.rs_months(i) AS
    date_part('year', i) * 12 + date_part('month', i);

CREATE OR REPLACE MACRO main.rs_microseconds(i) AS
    CASE WHEN date_part('year', i) <> 0 OR date_part('month', i) <> 0 THEN rs_raise('the months of an interval have no fixed length')
    ELSE CAST(date_part('day', i) AS BIGINT) * 86400000000 + CAST(date_part('hour', i) AS BIGINT) * 3600000000
    + CAST(date_part('minute', i) AS BIGINT) * 60000000 + CAST(date_part('microsecond', i) AS BIGINT) END;

CREATE OR REPLACE MACRO main.rs_whole_days(i) AS
    to_days(CAST(rs_microseconds(i) // 86400000000 AS INTEGER)) + to_microseconds(rs_microseconds(i) % 86400000000);

CREATE OR REPLACE MACRO main.rs_interval_seconds(i) AS
    CAST(rs_microseconds(i) // 86400000000 AS VARCHAR) || ' days ' || CAST(rs_microseconds(i) // 3600000000 % 24 AS VARCHAR) || ' hours '
    || CAST(rs_microseconds(i) // 60000000 % 60 AS VARCHAR) || ' mins ' || CAST(CAST(rs_microseconds(i) % 60000000 AS DOUBLE) / 1000000.0 AS VARCHAR) || ' secs';

CREATE OR REPLACE MACRO main.rs_scale_months(i, f) AS
    to_months(CAST(trunc(rs_months(i) * f) AS INTEGER));

CREATE OR REPLACE MACRO main.rs_scale_seconds(i, f) AS
    to_microseconds(CAST(round(rs_microseconds(i) * f) AS BIGINT));

CREATE OR REPLACE MACRO main.rs_order(a, b) AS
    CASE WHEN a < b THEN -1 WHEN a > b THEN 1 WHEN a = b THEN 0 END;

CREATE OR REPLACE MACRO main.rs_add_months(t, n) AS
    CASE
    WHEN CAST(t AS DATE) = last_day(CAST(t AS DATE)) THEN CAST(last_day(CAST(t + to_months(CAST(n AS INTEGER)) AS DATE)) + CAST(t AS TIME) AS TIMESTAMP)
    ELSE t + to_months(CAST(n AS INTEGER)) END;

CREATE OR REPLACE MACRO main.rs_months_between(a, b) AS
    CAST(date_part('year', a) * 12 + date_part('month', a) - date_part('year', b) * 12 - date_part('month', b) AS DOUBLE) + CASE
    WHEN date_part('day', a) = date_part('day', b) OR (CAST(a AS DATE) = last_day(CAST(a AS DATE)) AND CAST(b AS DATE) = last_day(CAST(b AS DATE))) THEN 0.0
    ELSE (epoch(a - date_trunc('month', a)) - epoch(b - date_trunc('month', b))) / 86400.0 / 31.0 END;

CREATE OR REPLACE MACRO main.rs_week_day(n) AS
    CASE WHEN lower(n) IN ('su', 'sun', 'sunday') THEN 0
    WHEN lower(n) IN ('m', 'mo', 'mon', 'monday') THEN 1
    WHEN lower(n) IN ('tu', 'tue', 'tues', 'tuesday') THEN 2
    WHEN lower(n) IN ('w', 'we', 'wed', 'wednesday') THEN 3
    WHEN lower(n) IN ('th', 'thu', 'thurs', 'thursday') THEN 4
    WHEN lower(n) IN ('f', 'fr', 'fri', 'friday') THEN 5
    WHEN lower(n) IN ('sa', 'sat', 'saturday') THEN 6 END;

CREATE OR REPLACE MACRO main.rs_next_day(d, n) AS
    d + CAST(CASE WHEN rs_week_day(n) IS NULL THEN rs_raise('Unknown day of week: ' || n)
    ELSE (rs_week_day(n) - date_part('dow', d) + 6) % 7 + 1 END AS INTEGER);

CREATE OR REPLACE MACRO main.rs_to_zone(z, t) AS
    CASE WHEN rs_zone_seconds(z) IS NULL THEN timezone(z, t) ELSE timezone('UTC', t) + to_seconds(rs_zone_seconds(z)) END;

CREATE OR REPLACE MACRO main.rs_from_zone(z, t) AS
    CASE WHEN rs_zone_seconds(z) IS NULL THEN timezone(z, t) ELSE timezone('UTC', t - to_seconds(rs_zone_seconds(z))) END;

CREATE OR REPLACE MACRO main.rs_add_years(t, n) AS
    CASE WHEN date_part('month', t) = 2 AND date_part('day', t) = 29 AND date_part('day', last_day(CAST(t + to_months(n * 12) AS DATE))) = 28
    THEN t + to_months(n * 12) + to_days(1) ELSE t + to_months(n * 12) END;

CREATE OR REPLACE MACRO main.rs_trunc_years(t, n) AS
    make_timestamp((CAST(date_part('year', t) AS BIGINT) - 1) // n * n + 1, 1, 1, 0, 0, 0);

CREATE OR REPLACE MACRO main.rs_era(t, n) AS
    (CAST(date_part('year', t) AS BIGINT) + n - 1) // n;

CREATE OR REPLACE MACRO main.rs_trunc_time(t, p) AS
    CAST(date_trunc(p, DATE '1970-01-01' + CAST(t AS TIME)) AS TIME);

CREATE OR REPLACE MACRO main.rs_to_char_time(t, f) AS
    rs_to_char_moment(t, f, '');

CREATE OR REPLACE MACRO main.rs_to_timestamp(s, f, b) AS
    timezone('UTC', rs_read_moment(s, f, b));

CREATE OR REPLACE MACRO main.rs_shift_left(a, n) AS
    CASE WHEN n < 0 OR n > 63 THEN 0 ELSE CAST((CAST(a AS HUGEINT) * CAST(pow(2, n) AS HUGEINT)) % 18446744073709551616 AS BIGINT) END;

CREATE OR REPLACE MACRO main.rs_shift_right(a, n) AS
    a >> CAST(n AS INTEGER);

CREATE OR REPLACE MACRO main.rs_listagg(s) AS
    CASE WHEN strlen(s) > 65535 THEN rs_raise('Result size exceeds LISTAGG limit') ELSE s END;

CREATE OR REPLACE MACRO main.rs_round_float(x, n) AS
    round(CAST(x AS DOUBLE), n);

CREATE OR REPLACE MACRO main.rs_trunc_float(x, n) AS
    trunc(CAST(x AS DOUBLE) * pow(10, n)) / pow(10, n);

CREATE OR REPLACE MACRO main.rs_round_whole(x, n) AS
    CASE WHEN n >= 0 THEN x ELSE CAST(round(CAST(x AS DECIMAL(38,0)), n) AS BIGINT) END;

CREATE OR REPLACE MACRO main.rs_trunc_whole(x, n) AS
    CASE WHEN n >= 0 THEN x ELSE x - x % CAST(pow(10, -n) AS BIGINT) END;

CREATE OR REPLACE MACRO main.rs_super_text(j) AS
    CASE json_type(j) WHEN 'VARCHAR' THEN j->>'$' WHEN 'NULL' THEN NULL ELSE CAST(j AS VARCHAR) END;

CREATE OR REPLACE MACRO main.rs_super_string(j) AS
    CASE WHEN json_type(j) = 'VARCHAR' THEN j->>'$' END;

CREATE OR REPLACE MACRO main.rs_super_scalar(j) AS
    CASE WHEN json_type(j) IN ('ARRAY', 'OBJECT') THEN NULL ELSE rs_super_text(j) END;

CREATE OR REPLACE MACRO main.rs_super_bool(j) AS
    CASE json_type(j) WHEN 'BOOLEAN' THEN CAST(j AS BOOLEAN) WHEN 'BIGINT' THEN CAST(j AS BIGINT) <> 0 WHEN 'UBIGINT' THEN CAST(j AS UBIGINT) <> 0
    WHEN 'VARCHAR' THEN CASE WHEN lower(trim(j->>'$')) IN ('t', 'true', 'y', 'yes', '1', 'on') THEN true
    WHEN lower(trim(j->>'$')) IN ('f', 'false', 'n', 'no', '0', 'off') THEN false END END;

CREATE OR REPLACE MACRO main.rs_super_integer(j) AS
    CASE WHEN json_type(j) IN ('BIGINT', 'UBIGINT', 'DOUBLE') THEN CAST(round(TRY_CAST(CAST(j AS VARCHAR) AS DECIMAL(38,15))) AS VARCHAR)
    WHEN json_type(j) = 'BOOLEAN' THEN CASE WHEN CAST(j AS BOOLEAN) THEN '1' ELSE '0' END
    WHEN json_type(j) = 'VARCHAR' AND regexp_full_match(trim(j->>'$'), '[+-]?[0-9]+') THEN trim(j->>'$') END;

CREATE OR REPLACE MACRO main.rs_super_rank(j) AS
    CASE json_type(j) WHEN 'BOOLEAN' THEN 1 WHEN 'BIGINT' THEN 2 WHEN 'UBIGINT' THEN 2 WHEN 'DOUBLE' THEN 2 WHEN 'VARCHAR' THEN 3 WHEN 'ARRAY' THEN 4
    WHEN 'OBJECT' THEN 5 END;

CREATE OR REPLACE MACRO main.rs_super_digits(j) AS
    CASE WHEN json_type(j) IN ('BIGINT', 'UBIGINT', 'DOUBLE') AND NOT contains(lower(CAST(j AS VARCHAR)), 'e') THEN ltrim(CAST(j AS VARCHAR), '-') END;

CREATE OR REPLACE MACRO main.rs_super_number(j) AS
    CASE WHEN json_type(j) IN ('BIGINT', 'UBIGINT', 'DOUBLE') THEN CAST(j AS DOUBLE) END;

CREATE OR REPLACE MACRO main.rs_number_super(x) AS
    CAST(rs_float_text(x) AS JSON);

CREATE OR REPLACE MACRO main.rs_super_key(j) AS
    CASE json_type(j) WHEN 'NULL' THEN NULL ELSE CAST(j AS VARCHAR) END;

CREATE OR REPLACE MACRO main.rs_super_is_null(j) AS
    (j IS NULL OR json_type(j) = 'NULL');

CREATE OR REPLACE MACRO main.rs_super_element(j, i) AS
    CASE WHEN i >= 0 AND json_type(j) = 'ARRAY' THEN json_extract(j, CAST(i AS BIGINT)) END;

CREATE OR REPLACE MACRO main.rs_super_type(j) AS
    CASE json_type(j) WHEN 'VARCHAR' THEN 'string' WHEN 'BIGINT' THEN 'number' WHEN 'UBIGINT' THEN 'number' WHEN 'DOUBLE' THEN 'number'
    WHEN 'BOOLEAN' THEN 'boolean' WHEN 'ARRAY' THEN 'array' WHEN 'OBJECT' THEN 'object' WHEN 'NULL' THEN 'null' END;

CREATE OR REPLACE MACRO main.rs_super_is_whole(j, most) AS
    CASE WHEN json_type(j) IN ('BIGINT', 'UBIGINT') THEN abs(CAST(j AS HUGEINT)) <= most WHEN j IS NOT NULL THEN false END;

CREATE OR REPLACE MACRO main.rs_super_items(j) AS
    CASE WHEN json_type(j) = 'ARRAY' THEN CAST(j AS JSON[]) ELSE CAST([] AS JSON[]) END;

CREATE OR REPLACE MACRO main.rs_type_name(t, p) AS
    CASE t WHEN 'int2' THEN 'smallint' WHEN 'int4' THEN 'integer' WHEN 'int8' THEN 'bigint' WHEN 'float4' THEN 'real'
    WHEN 'float8' THEN 'double precision' WHEN 'bool' THEN 'boolean' WHEN 'timestamp' THEN 'timestamp without time zone'
    WHEN 'timestamptz' THEN 'timestamp with time zone' WHEN 'time' THEN 'time without time zone' WHEN 'timetz' THEN 'time with time zone'
    WHEN 'varchar' THEN 'character varying' WHEN 'char' THEN 'character' WHEN 'varbyte' THEN 'binary varying'
    WHEN 'interval' THEN CASE p WHEN 1 THEN 'interval year to month' ELSE 'interval day to second' END ELSE t END;

CREATE OR REPLACE MACRO main.rs_type_size(t, n, p, s) AS
    CASE WHEN t = 'numeric' THEN '(' || p || ',' || s || ')' WHEN t IN ('varchar', 'char', 'varbyte') AND n > 0 THEN '(' || n || ')' ELSE '' END;

CREATE OR REPLACE MACRO main.rs_cut_decimal(s, n) AS
    CASE WHEN regexp_full_match(s, '[+-]?[0-9]*[.][0-9]+') THEN left(s, strpos(s, '.') + n) ELSE s END;

CREATE OR REPLACE MACRO main.rs_single_bytes(s) AS
    CASE WHEN strlen(s) <> length(s) THEN rs_raise('multibyte character not supported for CHAR (Hint: try using VARCHAR)') ELSE s END;

CREATE OR REPLACE MACRO main.rs_view_text(kind, name, definition) AS
    CASE WHEN kind = 'materialized' THEN 'CREATE MATERIALIZED VIEW ' || name || ' AS ' || definition ELSE definition END;

CREATE OR REPLACE MACRO main.rs_type_oid(t, p) AS
    CASE t WHEN 'bool' THEN 16 WHEN 'int8' THEN 20 WHEN 'int2' THEN 21 WHEN 'int4' THEN 23 WHEN 'float4' THEN 700 WHEN 'float8' THEN 701
    WHEN 'char' THEN 1042 WHEN 'varchar' THEN 1043 WHEN 'date' THEN 1082 WHEN 'time' THEN 1083 WHEN 'timestamp' THEN 1114 WHEN 'timestamptz' THEN 1184
    WHEN 'interval' THEN CASE p WHEN 1 THEN 1188 ELSE 1190 END WHEN 'timetz' THEN 1266 WHEN 'numeric' THEN 1700 WHEN 'super' THEN 4000
    WHEN 'varbyte' THEN 6551 ELSE 705 END;

CREATE OR REPLACE MACRO main.rs_format_type(o, m) AS
    CASE o WHEN 1042 THEN 'character' WHEN 1043 THEN 'character varying' WHEN 6551 THEN 'binary varying' WHEN 1700 THEN 'numeric' WHEN 1188 THEN 'interval year to month'
    WHEN 1190 THEN 'interval day to second' WHEN 16 THEN 'boolean' WHEN 20 THEN 'bigint' WHEN 21 THEN 'smallint' WHEN 23 THEN 'integer'
    WHEN 700 THEN 'real' WHEN 701 THEN 'double precision' WHEN 1083 THEN 'time without time zone' WHEN 1114 THEN 'timestamp without time zone'
    WHEN 1184 THEN 'timestamp with time zone' WHEN 1266 THEN 'time with time zone' WHEN 18 THEN '"char"' WHEN 19 THEN 'name' WHEN 25 THEN 'text' WHEN 26 THEN 'oid'
    WHEN 705 THEN '"unknown"' WHEN 1082 THEN 'date' WHEN 4000 THEN 'super' ELSE '???' END
    || CASE WHEN o IN (1042, 1043, 6551) AND m > 4 THEN '(' || (m - 4) || ')'
    WHEN o = 1700 AND m > 4 THEN '(' || ((m - 4) // 65536) || ',' || ((m - 4) % 65536) || ')' ELSE '' END;
