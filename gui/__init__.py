"""The window: shell, pages and the one bridge to the jobs of the core."""
