CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL, cents bigint NOT NULL);

-- What is to be sent, written in the transaction that has the order.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL, -- rows with the same key are sent one after the other
    value text NOT NULL,
    -- Both are written before the row is tried, and never changed: its idempotency key is known to this slot alone.
    slot text,
    first_attempt_time timestamptz,
    sent_at timestamptz,
    refused text -- why a person has to look
);
CREATE INDEX outbox_unsent ON outbox (key, id) WHERE sent_at IS NULL;

-- Wakes the relay when the transaction is committed.
CREATE FUNCTION outbox_written() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NOTIFY outbox; RETURN NULL; END';
CREATE TRIGGER outbox_written AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION outbox_written();
