"""Runs one verb: opens the desk, does it, and turns trouble into a sentence and an exit status."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from core.base.errors import OpsError
from core.base.journal import open_journal, redact
from core.base.places import Places
from core.cli.console import Console, ask_code_on_terminal
from core.desk import Desk
from core.jobs.job import JobCancelled
from core.settings.profiles import Profiles
from core.settings.store import SettingsStore

CANCELLED = 130


def run_verb(options: argparse.Namespace) -> int:
    """Exit status: 0 done, 1 failed, 2 wrong use or settings, 3 locked, 4 stale, 130 cancelled."""
    places = Places.here().made()
    open_journal(places.state, verbose=options.verbose)
    desk: Desk | None = None
    try:
        if getattr(options, "if_due", False):
            from core.jobs.timers import take_variables  # only scheduled runs pay for the import

            take_variables()
        settings = SettingsStore(places.config / "settings.toml")
        profiles = Profiles(places.config / "profiles.toml")
        for trouble in filter(None, (settings.trouble, profiles.trouble)):
            print(trouble, file=sys.stderr)
        profile = profiles.get(options.profile or settings.current.profile)
        desk = Desk(places, settings, profiles, profile, ask_code_on_terminal)
        status = options.run(options, Console(desk, json=options.json, quiet=options.quiet, verbose=options.verbose))
        sys.stdout.flush()
        return status or 0
    except OpsError as error:
        logging.getLogger(__name__).warning("%s %s", error, error.details)
        _explain(error, verbose=options.verbose)
        return error.exit_status
    except (JobCancelled, KeyboardInterrupt):
        print("Cancelled.", file=sys.stderr)
        return CANCELLED
    except BrokenPipeError:  # the reader of our stdout left (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        logging.getLogger(__name__).exception("a verb failed unexpectedly")
        print(redact(f"Something unexpected went wrong: {type(error).__name__}: {error}"), file=sys.stderr)
        print(f"The journal has the details: {places.state / 'opsdesk.log'}", file=sys.stderr)
        return 1
    finally:
        if desk is not None:
            desk.close()


def _explain(error: OpsError, *, verbose: bool) -> None:
    print(redact(str(error)), file=sys.stderr)
    if verbose:
        for key, value in error.details.items():
            print(f"  {key}: {redact(value)}", file=sys.stderr)
