"""Redshift's functions that DuckDB has no equal of, in Python and as macros."""
