-- The directory version that counts in each company's lane: its input has been taken.
-- Query: a worker that takes over a lane.
CREATE TABLE lanes (
    company           text   PRIMARY KEY,
    directory_version bigint NOT NULL
);
