-- The counter row: the last event's position, digest and time. Whoever appends locks it first
-- (0017), which is what makes positions contiguous and in commit order.
-- `recorded_at` never falls, so "the log at that time" is a search by position (0018).
CREATE TABLE log_head (
    the_only_row boolean     PRIMARY KEY DEFAULT true CHECK (the_only_row),
    position     bigint      NOT NULL,
    digest       bytea       NOT NULL,
    recorded_at  timestamptz NOT NULL
);

-- The chain begins with 32 zero bytes.
INSERT INTO log_head (position, digest, recorded_at)
VALUES (0, decode(repeat('00', 32), 'hex'), '-infinity');
