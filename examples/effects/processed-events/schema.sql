CREATE TABLE accounts (account text PRIMARY KEY, balance bigint NOT NULL);

-- What was applied: one row for each record, written in the transaction that has the record's effect.
CREATE TABLE processed_events (
    idempotency_key varchar(128) PRIMARY KEY,
    processed_at timestamptz NOT NULL DEFAULT now()
);
-- For deleting what cannot come again, see README.md.
CREATE INDEX processed_events_processed_at ON processed_events (processed_at);
