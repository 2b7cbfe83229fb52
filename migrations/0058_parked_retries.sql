-- Why: a company's operators retry parked inputs over the API. The wish is on record before anybody
-- acts on it, each parked input is put back once, and who wanted it stays, also when the input is
-- long back in its lane; there it goes on in the trace in which it came.
-- Queries: EventStore::parked_of (a company's parked inputs, and how often each was put back, by its
-- bytes), EventStore::next_to_put_back.
ALTER TABLE parked_inputs ADD COLUMN traceparent text;
CREATE INDEX parked_inputs_of_company ON parked_inputs (company, id);

CREATE TABLE parked_retries (
    parked_id      bigint      PRIMARY KEY,
    company        text,
    subject        text        NOT NULL,
    payload_sha256 bytea       NOT NULL,
    operation_id   uuid,
    actor          text        NOT NULL,
    requested_at   timestamptz NOT NULL,
    put_back_at    timestamptz
);
COMMENT ON COLUMN parked_retries.operation_id IS 'The operator''s command, or null: put back by hand';
CREATE INDEX parked_retries_to_do ON parked_retries (parked_id) WHERE put_back_at IS NULL;
CREATE INDEX parked_retries_of_input ON parked_retries (payload_sha256);
