-- Why: WhatsApp may tell what became of a message before our own send is recorded, and without our
-- reference. By WhatsApp's id alone nobody knows yet whose it is: it waits here until that is recorded.
-- What other services send from the same numbers waits too, for an hour, or until newer ones come.
-- Queries: EventStore::keep_early_statuses, EventStore::look_up (by the key),
-- EventStore::early_statuses_of_known when a lane begins, or another worker was at work.
CREATE TABLE early_statuses (
    company text        COLLATE "C" NOT NULL,
    wamid   text        COLLATE "C" NOT NULL,
    status  text        COLLATE "C" NOT NULL,
    body    json        NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company, wamid, status)
);
CREATE INDEX early_statuses_by_age ON early_statuses (company, kept_at);

COMMENT ON COLUMN early_statuses.body IS 'The input, as INBOX had it';
