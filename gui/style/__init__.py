"""Colour, space and type: the only place where their literals live."""
