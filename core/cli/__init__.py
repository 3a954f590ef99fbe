"""The head-less verbs: one file a room."""
