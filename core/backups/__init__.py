"""Backups: objects in S3, plans, dumps, manifests, rehearsals, retention, schedules."""
