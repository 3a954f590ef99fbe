"""Connections to MySQL and MariaDB servers: PyMySQL's, with one rule for TLS."""

from __future__ import annotations

import ssl
from typing import Any

from pymysql.connections import Connection


class Line(Connection):
    """Takes what ``pymysql.connect`` takes. With a ``ca_file`` there must be TLS, by a certificate of that authority for
    that host; without one TLS is used where the server offers it, unchecked, as MySQL's own clients do.
    """

    def __init__(self, *, ca_file: str = "", **options: Any) -> None:
        super().__init__(**options, ssl_ca=ca_file or None, ssl_verify_identity=True if ca_file else None)

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        if sslp:
            return super()._create_ssl_ctx(sslp)  # type: ignore[no-any-return]
        # PyMySQL would load the system's authorities for each connection (20-50 ms of CPU where they are one file), and
        # then check nothing by them.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
