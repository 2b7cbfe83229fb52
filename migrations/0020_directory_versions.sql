-- Why: companies' configuration has versions, so that a past decision can be explained with
-- the configuration that it was made with, and by whom it was set.
-- For: DirectoryStore::apply (the next number, and the lock that lets one apply at a time),
-- DirectoryStore::versions.
CREATE TABLE directory_versions (
    version       bigint PRIMARY KEY CHECK (version > 0),
    actor         text NOT NULL,
    applied_at    timestamptz NOT NULL,
    source_sha256 text NOT NULL CHECK (source_sha256 ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE directory_versions IS 'Versions of the whole directory: 1, 2, 3 … without holes.';
