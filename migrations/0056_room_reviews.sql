-- Why: a version of the directory can take from rooms what they stand on, and they are closed one by
-- one after it. How far that got outlives the process: a start looks only at companies that are
-- behind.
-- Query: EventStore::reviewed_version.
CREATE TABLE room_reviews (
    company text COLLATE "C" PRIMARY KEY,
    directory_version bigint NOT NULL
);
