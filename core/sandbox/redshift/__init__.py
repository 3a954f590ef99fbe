"""The sandbox's Redshift: the Data API over DuckDB, with Redshift's SQL translated and refused by name where it cannot be honoured."""
