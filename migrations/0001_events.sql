-- The log: the truth of the whole system. Never updated, never deleted from (0002).
-- The first seven columns are those of postgres-es 0.5, by name and type, so that its
-- repository reads our log; `json` and not `jsonb`, because it keeps a payload byte for byte.
-- Queries: a stream in order (primary key), the log in order (position), one company's events,
-- everything that belongs to one request (correlation_id).
CREATE TABLE events (
    aggregate_type text        NOT NULL,
    aggregate_id   text        NOT NULL,
    sequence       bigint      NOT NULL CHECK (sequence >= 1),
    event_type     text        NOT NULL,
    event_version  text        NOT NULL,
    payload        json        NOT NULL,
    metadata       json        NOT NULL,
    position       bigint      NOT NULL UNIQUE CHECK (position >= 1),
    event_id       uuid        NOT NULL UNIQUE,
    recorded_at    timestamptz NOT NULL,
    company        text        NOT NULL,
    correlation_id uuid        NOT NULL,
    causation_id   uuid        NOT NULL,
    traceparent    text,
    digest         bytea       NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);

CREATE INDEX events_of_company ON events (company, position);
CREATE INDEX events_of_correlation ON events (correlation_id, position);
