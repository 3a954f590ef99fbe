"""The Streams page: view, presenter, tab."""
