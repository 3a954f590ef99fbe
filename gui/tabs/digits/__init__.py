"""The Digits page: view, presenter, tab."""
