-- Inputs that could not be decided, with the reason: nothing is lost, and nobody waits for them.
-- Recognised by place and bytes, because a lost INBOX starts its sequence again.
-- Query: an operator looks at what is parked, newest first.
CREATE TABLE parked_inputs (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    inbox_sequence bigint      NOT NULL,
    company        text,
    subject        text        NOT NULL,
    code           text        NOT NULL,
    reason         text        NOT NULL,
    payload        bytea       NOT NULL,
    payload_sha256 bytea       NOT NULL GENERATED ALWAYS AS (sha256(payload)) STORED,
    parked_at      timestamptz NOT NULL,
    UNIQUE (inbox_sequence, payload_sha256)
);
