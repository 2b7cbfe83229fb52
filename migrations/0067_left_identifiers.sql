-- Why: phone numbers are given out again. Once a client has told of another number, what is sent later
-- by the old one is somebody else's; what was sent before it may still come in, and is the client's.
-- Queries: who had a number at a moment; whether its holder has left it (crates/eventstore/src/lookup.rs).
CREATE TABLE left_identifiers (
    company   text        COLLATE "C" NOT NULL,
    kind      text        COLLATE "C" NOT NULL CHECK (kind IN ('wa_id', 'phone')),
    value     text        COLLATE "C" NOT NULL,
    client_id uuid        NOT NULL,
    since     timestamptz NOT NULL,
    PRIMARY KEY (company, kind, value, client_id)
);
