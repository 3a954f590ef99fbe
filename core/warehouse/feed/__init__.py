"""The feed: MySQL tables pulled into the warehouse, whole or by what changed, and proved equal afterwards."""
