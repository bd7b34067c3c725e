-- Frees the rows of a slot that nobody will have again, after `sidecommit settle --identity`: README.md has the whole of it.
-- psql -v slot=PREFIX/NAMESPACE/WORKLOAD/N -v sent='{ID,...}' -f give-up.sql
-- `sent`: the outbox-ids that a read_committed reader sees in the topic, at least those of this slot's unsent rows.
BEGIN;
UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL AND slot = :'slot' AND id = ANY (:'sent'::bigint[]);
UPDATE outbox SET slot = NULL, first_attempt_time = NULL WHERE sent_at IS NULL AND slot = :'slot';
COMMIT;
