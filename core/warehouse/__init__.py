"""The warehouse: statements, drivers, catalogue, results, history, loads."""
