"""The demo data of a fresh sandbox: a shop in MariaDB, its page views in a stream, a month of it in the warehouse."""
