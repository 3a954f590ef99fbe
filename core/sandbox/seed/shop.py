"""Fills the database ``shop``: five related tables of some 200,000 rows; and ``awkward``, one table of every awkward type.

Apart, because it holds values that no other database takes: whoever pulls the whole shop should see it arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from core.sandbox.seed.demo import CATEGORIES, STATUSES, TAGS, Demo

_LABELS = {"categories": CATEGORIES, "statuses": STATUSES, "tags": TAGS}
_SQL = {name: ",".join(f"'{label}'" for label in labels) for name, labels in _LABELS.items()}

TABLES = f"""
CREATE TABLE customers (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  email VARCHAR(190) NOT NULL,
  name VARCHAR(120) NOT NULL,
  country CHAR(2) NOT NULL,
  created_at DATETIME NOT NULL,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  newsletter TINYINT(1) NOT NULL DEFAULT 0,
  note TEXT NULL,
  UNIQUE KEY email (email),
  KEY updated_at (updated_at)
);
CREATE TABLE products (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  sku CHAR(9) NOT NULL,
  name VARCHAR(120) NOT NULL,
  category ENUM({_SQL["categories"]}) NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  price_with_tax DECIMAL(12,4) AS (price * 1.19) VIRTUAL,
  tags SET({_SQL["tags"]}) NOT NULL DEFAULT '',
  attributes JSON NULL,
  weight_kg FLOAT NULL,
  created_at DATETIME NOT NULL,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  UNIQUE KEY sku (sku),
  KEY category (category)
);
CREATE TABLE orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  status ENUM({_SQL["statuses"]}) NOT NULL DEFAULT 'new',
  ordered_at DATETIME(6) NOT NULL,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  total DECIMAL(12,2) NOT NULL DEFAULT 0,
  currency CHAR(3) NOT NULL DEFAULT 'EUR',
  KEY ordered_at (ordered_at),
  KEY updated_at (updated_at),
  CONSTRAINT order_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
);
CREATE TABLE order_items (
  order_id BIGINT UNSIGNED NOT NULL,
  line SMALLINT UNSIGNED NOT NULL,
  product_id INT UNSIGNED NOT NULL,
  quantity SMALLINT UNSIGNED NOT NULL,
  unit_price DECIMAL(10,2) NOT NULL,
  PRIMARY KEY (order_id, line),
  CONSTRAINT item_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE,
  CONSTRAINT item_product FOREIGN KEY (product_id) REFERENCES products (id)
);
CREATE TABLE page_views (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  viewed_at DATETIME(3) NOT NULL,
  session_id CHAR(16) CHARACTER SET ascii NOT NULL,
  customer_id INT UNSIGNED NULL,
  path VARCHAR(255) NOT NULL,
  query VARCHAR(255) NOT NULL DEFAULT '',
  referrer VARCHAR(255) NULL,
  user_agent VARCHAR(255) NOT NULL,
  device VARCHAR(16) NOT NULL,
  country CHAR(2) NOT NULL,
  status SMALLINT UNSIGNED NOT NULL,
  duration_ms INT UNSIGNED NOT NULL,
  KEY viewed_at (viewed_at),
  CONSTRAINT view_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE SET NULL
);
"""

AWKWARD = r"""
DROP DATABASE IF EXISTS awkward;
CREATE DATABASE awkward CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE TABLE awkward.every_type (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  tiny TINYINT UNSIGNED NULL,
  truth TINYINT(1) NULL,
  medium MEDIUMINT UNSIGNED NULL,
  number INT UNSIGNED NULL,
  huge BIGINT UNSIGNED NULL,
  exact DECIMAL(65,30) NULL,
  money DECIMAL(38,10) NULL,
  approximate FLOAT NULL,
  precise DOUBLE NULL,
  flag BIT(1) NULL,
  flags BIT(64) NULL,
  choice ENUM('small','größer','it''s') NULL,
  choices SET('a','b','c') NULL,
  document JSON NULL,
  day DATE NULL,
  moment DATETIME(6) NULL,
  stamp TIMESTAMP NULL,
  duration TIME(3) NULL,
  made YEAR NULL,
  short CHAR(10) NULL,
  words VARCHAR(255) NULL,
  long_text LONGTEXT NULL,
  fixed BINARY(4) NULL,
  raw VARBINARY(255) NULL,
  picture BLOB NULL
);
SET SESSION sql_mode = '';
INSERT INTO awkward.every_type VALUES
 (1, 255, 2, 16777215, 4294967295, 18446744073709551615,
  12345678901234567890123456789012345.123456789012345678901234567890, 9999999999999999999999999999.9999999999,
  1.1, 0.1, b'1', b'1111111111111111111111111111111111111111111111111111111111111111', 'größer', 'a,c',
  '{"emoji": "😀", "list": [1, null, "x"]}', '0000-00-00', '0000-00-00 00:00:00', '2038-01-19 03:14:07',
  '838:59:59', 2155, 'ééééé', 'emoji 😀 𝄞 家族 👨‍👩‍👧', 'tab\tnewline\nreturn\rquote''double"backslash\\nul\0end',
  X'00FF00FF', X'DEADBEEF', X'89504E470D0A1A0A'),
 (2, 0, 1, 0, 0, 0, -0.000000000000000000000000000001, -0.0000000001, -3.4e38, -1.7976931348623157e308, b'0', b'0',
  'small', '', '[]', '1000-01-01', '9999-12-31 23:59:59.999999', '1970-01-01 00:00:01', '-838:59:59', 1901,
  '', '', '', X'00000000', X'', X''),
 (3, 1, 0, 1, 1, 9223372036854775808, 0, 0, 0, 5e-324, b'1', b'101', 'it''s', 'a,b,c', 'null', '2024-02-29',
  '2024-00-10 00:00:00', '2024-03-31 01:30:00', '24:00:00.001', 0, 'a  ', ' leading and trailing ',
  REPEAT('long ', 20000), X'0A0D0900', X'00', REPEAT(X'00', 60000)),
 (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL);
SET SESSION sql_mode = DEFAULT;
"""

REST = """
CREATE VIEW daily_sales AS
  SELECT DATE(ordered_at) AS day, COUNT(*) AS orders, SUM(total) AS revenue
  FROM orders WHERE status NOT IN ('cancelled', 'returned') GROUP BY DATE(ordered_at);
CREATE VIEW best_customers AS
  SELECT c.id, c.name, c.country, COUNT(o.id) AS orders, SUM(o.total) AS spent
  FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id, c.name, c.country;
CREATE TRIGGER item_added AFTER INSERT ON order_items FOR EACH ROW
  UPDATE orders SET total = total + NEW.quantity * NEW.unit_price WHERE id = NEW.order_id;
CREATE PROCEDURE customer_orders(IN customer INT UNSIGNED)
  READS SQL DATA
  SELECT id, status, ordered_at, total FROM orders WHERE customer_id = customer ORDER BY ordered_at DESC;
CREATE FUNCTION with_tax(amount DECIMAL(12,2)) RETURNS DECIMAL(14,4) DETERMINISTIC RETURN amount * 1.19;
CREATE EVENT forget_old_views ON SCHEDULE EVERY 1 DAY
  DO DELETE FROM page_views WHERE viewed_at < NOW() - INTERVAL 400 DAY;
"""


def fill(connection: Any, folder: Path, demo: Demo, report: Callable[[str], None]) -> None:
    """Make everything anew; ``folder`` is the one the server may read files from (``secure_file_priv``)."""
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS shop")  # what an interrupted run left
        cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        cursor.execute("USE shop")
        _script(cursor, TABLES)
        for setting in ("foreign_key_checks = 0", "unique_checks = 0", "time_zone = '+00:00'"):
            cursor.execute(f"SET SESSION {setting}")  # the rows are consistent as they are made
        for table, columns, rows in _tables(demo):
            report(table)
            file = folder / f"{table}.tsv"
            try:
                with file.open("w", encoding="utf-8", newline="\n") as out:
                    out.writelines("\t".join(map(_field, row)) + "\n" for row in rows)
                cursor.execute(
                    f"LOAD DATA INFILE %s INTO TABLE {table} CHARACTER SET utf8mb4 ({columns})", (str(file),)
                )
            finally:
                file.unlink(missing_ok=True)
            connection.commit()
        _script(cursor, AWKWARD)
        _script(cursor, REST)
        cursor.execute("ANALYZE TABLE customers, products, orders, order_items, page_views")
        cursor.fetchall()
    connection.commit()


def _tables(demo: Demo) -> Iterable[tuple[str, str, Iterable[tuple[Any, ...]]]]:
    yield (
        "customers",
        "id, email, name, country, created_at, updated_at, newsletter, note",
        ((c.id, c.email, c.name, c.country, c.created, c.created, int(c.newsletter), c.note) for c in demo.customers),
    )
    yield (
        "products",
        "id, sku, name, category, price, tags, attributes, weight_kg, created_at, updated_at",
        (
            (p.id, p.sku, p.name, p.category, _money(p.cents), p.tags, p.attributes, p.weight, p.created, p.created)
            for p in demo.products
        ),
    )
    yield (
        "orders",
        "id, customer_id, status, ordered_at, updated_at, total",
        ((o.id, o.customer, o.status, o.ordered, o.ordered, _money(o.cents)) for o in demo.orders()),
    )
    yield (
        "order_items",
        "order_id, line, product_id, quantity, unit_price",
        (
            (o.id, line, item.product, item.quantity, _money(item.cents))
            for o in demo.orders()
            for line, item in enumerate(o.items, start=1)
        ),
    )
    yield (
        "page_views",
        "id, viewed_at, session_id, customer_id, path, query, referrer, user_agent, device, country, status, duration_ms",
        (
            (
                v.id,
                v.viewed,
                v.session,
                v.customer,
                v.path,
                v.query,
                v.referrer or None,
                v.agent,
                v.device,
                v.country,
                v.status,
                v.milliseconds,
            )
            for v in demo.page_views()
        ),
    )


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


def _field(value: Any) -> str:
    return r"\N" if value is None else str(value).translate(_ESCAPES)


def _script(cursor: Any, script: str) -> None:
    """Statements end with a semicolon at the end of a line."""
    for statement in script.split(";\n"):
        if statement.strip():
            cursor.execute(statement)
