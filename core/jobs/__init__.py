"""The one mechanism for long work: jobs that report, can be stopped, and end exactly once."""
