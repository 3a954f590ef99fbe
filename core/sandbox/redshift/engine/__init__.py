"""The SQL engine behind the sandbox's Data API: Redshift's SQL on DuckDB."""
