"""The Backups page: view, presenter, tab."""
