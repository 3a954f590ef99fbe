"""Choices the user makes and keeps: settings, profiles, secrets."""
