-- Why: an onboarding writes six events, and every index on the log is kept up six times. No query
-- asks by event id (UUIDv7, made by the writer; `position` is the log's own key) or by company
-- alone. Payloads up to a page stay in the row: Postgres would try to compress each above 2 kB.
-- For: append_events (0048).
ALTER TABLE events DROP CONSTRAINT events_event_id_key;
DROP INDEX events_of_company;
ALTER TABLE events SET (toast_tuple_target = 8160);
