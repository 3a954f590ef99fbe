"""The Warehouse page: view, presenter, tab."""
