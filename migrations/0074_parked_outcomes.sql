-- Why: what operators do with a parked input is never silent. One that is dropped leaves what it was,
-- who dropped it and why; a retry that cannot be done leaves what stood against it. Rows are final.
-- The bytes of what is dropped are not kept here: their digest tells whether it was these.
-- Queries: EventStore::parked_list (what was dropped of a company, the last retry that failed),
-- EventStore::parked_history (by the bytes), EventStore::drop_parked (dropped before?).
CREATE TABLE parked_outcomes (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parked_id      bigint      NOT NULL,
    outcome        text        COLLATE "C" NOT NULL CHECK (outcome IN ('dropped', 'retry-failed')),
    inbox_sequence bigint      NOT NULL,
    company        text        COLLATE "C",
    subject        text        NOT NULL,
    code           text        NOT NULL,
    reason         text        NOT NULL,
    bytes          bigint      NOT NULL,
    payload_sha256 bytea       NOT NULL,
    parked_at      timestamptz NOT NULL,
    traceparent    text,
    operation_id   uuid,
    actor          text        NOT NULL,
    why            text        NOT NULL,
    at             timestamptz NOT NULL
);
COMMENT ON COLUMN parked_outcomes.reason IS 'Why it was parked';
COMMENT ON COLUMN parked_outcomes.why IS 'Why it was dropped, or what stood against the retry';
COMMENT ON COLUMN parked_outcomes.operation_id IS 'The operator''s command, or null: by hand';
CREATE UNIQUE INDEX parked_outcomes_dropped ON parked_outcomes (parked_id) WHERE outcome = 'dropped';
CREATE INDEX parked_outcomes_of_parked ON parked_outcomes (parked_id, id);
CREATE INDEX parked_outcomes_of_input ON parked_outcomes (payload_sha256);

CREATE FUNCTION refuse_to_change_parked_outcomes() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what became of parked inputs is never changed: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER parked_outcomes_are_final
    BEFORE UPDATE OR DELETE OR TRUNCATE ON parked_outcomes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_parked_outcomes();
