"""What the palette offers of this page before it was opened: (id, title, icon). The page itself gives the deeds."""

MAIN = (
    ("backups.run", "Back up now", "archive"),
    ("backups.verify", "Verify the plan's backup", "shield-check"),
    ("backups.restore", "Restore a backup", "rotate-ccw"),
    ("backups.plan", "New backup plan", "plus"),
    ("backups.adopt", "Take over backups from a bucket", "rotate-ccw"),
    ("backups.objects", "Browse buckets and objects", "folder-open"),
    ("backups.upload", "Upload files", "upload"),
    ("backups.bucket", "New bucket", "plus"),
    ("backups.find", "Search objects", "search"),
)
