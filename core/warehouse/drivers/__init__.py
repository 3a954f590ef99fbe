"""The ways to a warehouse behind one interface: Redshift Data API, PostgreSQL wire, HiveServer2, Athena."""
