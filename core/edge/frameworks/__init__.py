"""How each framework makes scheme, host, port and client out of a request: one module each, ``resolve(request, trust)``."""
