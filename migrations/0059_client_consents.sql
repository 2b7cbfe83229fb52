-- Why: a client says by a word that it wants no more templates, or wants them again, and no decision
-- may send one against that. Of all that it said, what it sent last counts; of the same second, that
-- it wants no more.
-- Query: EventStore::look_up, by the key of each client that a message leads to.
CREATE TABLE client_consents (
    company   text        COLLATE "C" NOT NULL,
    client_id uuid        NOT NULL,
    stopped   boolean     NOT NULL,
    sent_at   timestamptz NOT NULL,
    PRIMARY KEY (company, client_id)
);
