-- A state that spares a replay: one row a stream. It is never the truth; one whose fingerprint is
-- not the running program's is ignored and overwritten.
-- Query: loading an aggregate with a long stream.
CREATE TABLE snapshots (
    aggregate_type text   NOT NULL,
    aggregate_id   text   NOT NULL,
    sequence       bigint NOT NULL CHECK (sequence >= 1),
    fingerprint    text   NOT NULL,
    payload        json   NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
);
