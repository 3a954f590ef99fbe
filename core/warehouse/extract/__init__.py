"""Raw text to typed tables, the Hive way: a pattern, a sample, a table; on this computer, or emitted for Hive and Athena."""
