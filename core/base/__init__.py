"""The floor under every room: errors, the journal, places on disk, the clock."""
