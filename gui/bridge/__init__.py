"""What the bridge offers a page: jobs, settings, commands and the open profile."""
