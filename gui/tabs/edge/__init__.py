"""The Edge page: view, presenter, tab."""
