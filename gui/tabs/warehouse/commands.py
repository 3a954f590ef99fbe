"""What the palette offers of this page before it was opened: (id, title, icon). The page itself gives the deeds."""

MAIN = (
    ("warehouse.history", "History of statements", "history"),
    ("warehouse.saved", "Saved queries", "bookmark"),
    ("warehouse.running", "Running statements", "list"),
    ("warehouse.pull", "Pull tables from MySQL", "arrow-down-to-line"),
    ("warehouse.extract", "Extract a table from text", "file-code"),
    ("warehouse.new", "New SQL file", "plus"),
    ("warehouse.open", "Open a SQL file", "folder-open"),
    ("warehouse.plans", "Plans of pulls", "calendar-clock"),
)
