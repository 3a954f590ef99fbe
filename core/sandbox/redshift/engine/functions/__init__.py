"""Redshift's functions, one family a module, each line saying what the function takes, gives, and is in DuckDB."""
