-- What postgres-es 0.5 asks for (its db/init.sql).
CREATE TABLE events
(
    aggregate_type text                         NOT NULL,
    aggregate_id   text                         NOT NULL,
    sequence       bigint CHECK (sequence >= 0) NOT NULL,
    event_type     text                         NOT NULL,
    event_version  text                         NOT NULL,
    payload        json                         NOT NULL,
    metadata       json                         NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);

-- Not postgres-es' table of that name: the latest snapshot of each stream, see snapshots.rs.
CREATE TABLE latest_snapshots
(
    aggregate_type text   NOT NULL,
    aggregate_id   text   NOT NULL,
    sequence       bigint NOT NULL,
    payload        json   NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
);
