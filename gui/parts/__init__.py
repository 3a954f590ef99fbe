"""Widgets that know no trade."""
