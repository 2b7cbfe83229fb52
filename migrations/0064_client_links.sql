-- Why: a message can show that two clients are one. The one that was seen first stays; each of the
-- others leads to it, directly, whatever was found out in which order. The clients, their
-- identifiers, profiles and rooms stay as they are. Written by append_links (0065).
-- Queries: to which client a client leads; all clients that lead to one (crates/eventstore/src/lookup.rs).
CREATE TABLE client_links (
    company   text   COLLATE "C" NOT NULL,
    client_id uuid   NOT NULL,
    linked_to uuid   NOT NULL CHECK (linked_to <> client_id),
    position  bigint NOT NULL,
    PRIMARY KEY (company, client_id)
);

CREATE INDEX links_to_client ON client_links (company, linked_to);
