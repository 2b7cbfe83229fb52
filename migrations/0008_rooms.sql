-- Rooms as far as decisions across profiles need them: open ones exclude others, closed ones rest.
-- Queries: clashes and quarantine of a client's rooms (0014), rooms that are due.
CREATE TABLE rooms (
    room_id          uuid        PRIMARY KEY,
    company          text        NOT NULL,
    profile_id       uuid        NOT NULL,
    client_id        uuid        NOT NULL,
    user_id          text        NOT NULL,
    number           text        NOT NULL,
    pool_id          text        NOT NULL,
    request_id       uuid        NOT NULL,
    phase            text        NOT NULL CHECK (phase IN ('reserved', 'invited', 'active', 'closed')),
    deadline         timestamptz,
    quarantine_until timestamptz
);

-- The backstop behind the check in 0014: whatever it misses fails here, and the append with it.
CREATE UNIQUE INDEX one_open_room_per_client_and_user ON rooms (company, client_id, user_id)
    WHERE phase IN ('reserved', 'invited', 'active');
CREATE UNIQUE INDEX one_open_room_per_client_and_number ON rooms (company, client_id, number)
    WHERE phase IN ('reserved', 'invited', 'active');

CREATE INDEX rooms_of_client ON rooms (company, client_id);
CREATE INDEX rooms_of_profile ON rooms (profile_id);
CREATE INDEX rooms_of_request ON rooms (request_id);
CREATE INDEX rooms_due ON rooms (deadline) WHERE deadline IS NOT NULL;
