-- Who is who: a client is a surrogate id, and each identifier leads to exactly one of them, the
-- one that had it first. `position` says which event brought it: the lineage.
-- Queries: the clients that a message's identifiers lead to; all identifiers of a client.
CREATE TABLE clients (
    company             text   NOT NULL,
    client_id           uuid   NOT NULL,
    first_seen_position bigint NOT NULL,
    PRIMARY KEY (company, client_id)
);

CREATE TABLE client_identifiers (
    company   text   NOT NULL,
    kind      text   NOT NULL CHECK (kind IN ('bsuid', 'wa_id', 'phone')),
    value     text   NOT NULL,
    client_id uuid   NOT NULL,
    position  bigint NOT NULL,
    PRIMARY KEY (company, kind, value)
);

CREATE INDEX identifiers_of_client ON client_identifiers (company, client_id);
