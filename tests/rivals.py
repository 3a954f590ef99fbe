"""Programs that are only measured against or tried out: where ``make setup-full`` puts them, or on the path."""

from __future__ import annotations

import shutil
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / ".rivals"


def program(name: str) -> str | None:
    """The path of ``aws``, ``s3cmd``, ``spark-submit`` ..., or None where it is not installed."""
    return shutil.which(name, path=str(FOLDER / "bin")) or shutil.which(name)


def spark_submit() -> str | None:
    """``spark-submit``, if there is a Java to run it too. (The one in ``bin`` looks for Spark in another Python.)"""
    installed = [str(path) for path in FOLDER.glob("lib/python*/site-packages/pyspark/bin/spark-submit")]
    found = [*installed, shutil.which("spark-submit")]
    return found[0] if shutil.which("java") else None


def kinesis_local() -> Path | None:
    """The folder of the npm package, if there is a node to run it too."""
    folder = FOLDER / "node_modules" / "kinesis-local"
    return folder if shutil.which("node") and (folder / "main.js").is_file() else None


def web_server(name: str) -> str | None:
    """``apache2``, ``haproxy``, ``caddy`` ..., as ``make setup-full`` unpacks them, or as they are installed."""
    return (
        shutil.which(name, path=str(FOLDER / "proxies" / "bin"))
        or shutil.which(name)
        or shutil.which(name, path="/usr/sbin")
    )


def apache_modules() -> Path:
    unpacked = FOLDER / "proxies" / "root"
    return (unpacked if unpacked.is_dir() else Path("/")) / "usr" / "lib" / "apache2" / "modules"


def mysqld() -> str | None:
    """MySQL's own server as ``make setup-full`` unpacks it; ``mysql`` and ``mysqldump`` lie beside it."""
    return shutil.which("mysqld", path=str(FOLDER / "mysql" / "bin"))


def framework(name: str) -> str | None:
    """``ruby`` with Rails, ``php`` with Laravel, Symfony and WordPress, ``tomcat``, as ``make setup-full`` unpacks them."""
    return shutil.which(name, path=str(FOLDER / "frameworks" / "bin"))
