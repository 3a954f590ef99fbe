"""Passwords and keys: in the operating system's keyring or the environment, never in a file of ours."""

from __future__ import annotations

import os
import re

from core.base.errors import OpsError

_SERVICE = "opsdesk"


def environment_name(name: str) -> str:
    """The variable that may carry a secret where no keyring runs (cron, CI): ``OPSDESK_SECRET_<NAME>``."""
    return "OPSDESK_SECRET_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


class Secrets:
    """Named secrets. A name says what it opens: ``mysql/shop``, ``backup/nightly/identity``."""

    def get(self, name: str) -> str | None:
        """The secret, or None where there is none. Raises OpsError (code ``keyring``) if the keyring can't be asked."""
        from_environment = os.environ.get(environment_name(name))
        if from_environment is not None:
            return from_environment
        import keyring
        import keyring.errors

        try:
            return keyring.get_password(_SERVICE, name)
        except keyring.errors.NoKeyringError as error:
            raise self._no_keyring(name) from error
        except keyring.errors.KeyringError as error:
            raise OpsError(
                "The keyring did not answer", str(error), "Unlock the keyring and try again", code="keyring"
            ) from error

    def need(self, name: str) -> str:
        """The secret; raises OpsError where there is none."""
        value = self.get(name)
        if value is None:
            raise OpsError(
                f"No password is stored for {name}",
                "",
                f"Store it by `opsdesk profiles secret {name}`, or set {environment_name(name)}",
                code="keyring",
            )
        return value

    def set(self, name: str, value: str) -> None:
        import keyring
        import keyring.errors

        try:
            keyring.set_password(_SERVICE, name, value)
        except keyring.errors.NoKeyringError as error:
            raise self._no_keyring(name) from error
        except keyring.errors.KeyringError as error:
            raise OpsError(
                "The keyring refused the password", str(error), "Unlock the keyring and try again", code="keyring"
            ) from error

    def delete(self, name: str) -> None:
        import keyring
        import keyring.errors

        try:
            keyring.delete_password(_SERVICE, name)
        except keyring.errors.PasswordDeleteError:
            return  # there was none
        except keyring.errors.NoKeyringError as error:
            raise self._no_keyring(name) from error
        except keyring.errors.KeyringError as error:
            raise OpsError(
                "The keyring kept the password", str(error), "Unlock the keyring and try again", code="keyring"
            ) from error

    @staticmethod
    def _no_keyring(name: str) -> OpsError:
        return OpsError(
            "This computer offers no keyring",
            "Opsdesk keeps passwords in the system's keyring and in no file",
            f"Start a desktop keyring, or set the variable {environment_name(name)} for this program",
            code="keyring",
        )
