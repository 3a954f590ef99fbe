"""Where the local engine may differ from a real cluster: what the page's badge lists."""

from __future__ import annotations

DIFFERENCES: tuple[str, ...] = (
    "Plans, timings and costs are those of the local engine: EXPLAIN shows its plan in Redshift's shape, not a cluster's plan.",
    "Distribution keys, sort keys and encodings are recorded and shown, and have no effect on how data are stored.",
    "Primary keys, foreign keys and UNIQUE are not enforced (as on Redshift), and no plan relies on them; comments on schemas and databases are not kept.",
    "There is one database (dev) and one user: GRANT, REVOKE and owners are accepted and change nothing.",
    "VACUUM and ANALYZE only check that the table exists; table sizes and row counts in SVV_TABLE_INFO are estimates.",
    "Time zones: the session works in UTC with ISO dates; other settings of TIMEZONE or DATESTYLE are refused.",
    "Times with a zone are kept with the offset they were written with and shown in UTC; zones with summer time take today's offset.",
    "Quoted identifiers are folded to lower case; enable_case_sensitive_identifier is refused (enable_case_sensitive_super_attribute works).",
    "SUPER strings sort by their bytes; a merge of a joined row with the target's own columns in every SET is refused.",
    "DATEDIFF counts weeks from Monday to Monday; the manual does not say on which day Redshift's weeks begin there.",
    "Division of decimals cuts the last digit rather than rounding it, as does AVG of a decimal.",
    "ROUND of a double rounds halves away from zero.",
    "GROUP BY, DISTINCT and LISTAGG treat VARCHAR values that differ in trailing blanks as different; comparisons do not.",
    "SUPER keeps numbers as they were written; PERCENTILE_DISC, HLL and APPROXIMATE functions are computed exactly.",
    "EXTRACT of EPOCH and the days between two dates are BIGINT; TO_HEX of a negative number shows sixteen digits.",
    "A process that is killed loses the last half second of the query history (STL_QUERY and its like), never data.",
    "Regular expressions are Python's and RE2's: POSIX leftmost-longest alternation is not promised.",
    "Intervals without YEAR TO MONTH or DAY TO SECOND keep months, days and time apart, and print as PostgreSQL does.",
    "statement_timeout, query_group and WLM settings are kept and have no effect; any cluster or workgroup name reaches the one warehouse.",
    "SUPER values of different kinds compare as NULL; whole numbers in a SUPER divide without a rest.",
    "Transactions see a snapshot; two that change the same rows end with error 1023 at the second write, not at commit.",
    "Materialized views refresh only when REFRESH MATERIALIZED VIEW is run.",
    "COPY reads Parquet, CSV, JSON, fixed-width and delimited text; the other formats, SSH and DynamoDB are refused.",
    "Procedures, user functions, external schemas and tables, datashares, row-level security and machine learning are refused by name.",
)
