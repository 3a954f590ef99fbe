"""Importing this gives properties the time they need: a busy machine is no failure.

A conftest does it, before any test is imported: each takes what holds at that moment.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
