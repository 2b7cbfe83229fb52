-- The raw bytes of WhatsApp's posts by their hash, in the pieces in which they came, and every
-- arrival: the same post may come for days. Written beside the log, never under its lock.
-- `pieces` is in the key because a later arrival of the same post may be cut differently;
-- `received_at` is in the other because a lost INBOX starts its sequence again.
-- Query: an auditor asks for the original bytes of a message and when they came.
CREATE TABLE evidence_pieces (
    post_sha256 text  NOT NULL CHECK (post_sha256 ~ '^[0-9a-f]{64}$'),
    pieces      int   NOT NULL CHECK (pieces >= 1),
    piece       int   NOT NULL CHECK (piece >= 0 AND piece < pieces),
    app         text  NOT NULL,
    bytes       bytea NOT NULL,
    PRIMARY KEY (post_sha256, pieces, piece)
);

CREATE TABLE evidence_arrivals (
    post_sha256    text        NOT NULL CHECK (post_sha256 ~ '^[0-9a-f]{64}$'),
    received_at    timestamptz NOT NULL,
    inbox_sequence bigint      NOT NULL,
    app            text        NOT NULL,
    headers        json,
    PRIMARY KEY (post_sha256, received_at, inbox_sequence)
);
