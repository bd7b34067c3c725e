"""Adds payments to accounts, each once, whatever of this program, its sidecar and the database is killed."""

import logging
import os

import psycopg
import sidecommit
from psycopg_pool import ConnectionPool

MARK = "INSERT INTO processed_events (idempotency_key) VALUES (%s) ON CONFLICT (idempotency_key) DO NOTHING"
ADD = """
    INSERT INTO accounts (account, balance) VALUES (%s, %s)
    ON CONFLICT (account) DO UPDATE SET balance = accounts.balance + excluded.balance
"""

log = logging.getLogger("processed-events")


def apply(database: psycopg.Connection, record: sidecommit.ConsumedRecord) -> bool:
    """The effect and the mark that it is done, in one database transaction; False: it was done before."""
    payment = record.json()
    with database.transaction():
        if database.execute(MARK, [record.idempotency_key]).rowcount == 0:
            return False
        database.execute(ADD, [payment["account"], payment["amount"]])
    return True


def main() -> None:
    """Reads until it is stopped; what it raises has the record come again."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # One connection for each partition that is worked on, looked at before it is used: the database may have been away.
    pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=1, max_size=4, check=ConnectionPool.check_connection)

    def handle(record: sidecommit.ConsumedRecord) -> None:
        with pool.connection() as database:
            if not apply(database, record):
                log.info("applied before: %s", record.idempotency_key)

    with pool, sidecommit.connect() as client:
        client.process(
            os.environ["GROUP_ID"],
            [os.environ["TOPIC"]],
            handle,
            group_instance_id=os.environ.get("POD_NAME", ""),
            max_records=50,
        )


if __name__ == "__main__":
    main()
