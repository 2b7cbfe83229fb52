-- Why: the view chat-rooms, one row for each 1:1 room that was ever reserved.
-- For: queries::chat_rooms, queries::chat_room.
CREATE TABLE rm_chat_rooms (
    room_id          uuid        PRIMARY KEY,
    company          text        NOT NULL,
    profile_id       uuid        NOT NULL,
    client_id        uuid        NOT NULL,
    user_id          text        NOT NULL,
    number           text        NOT NULL,
    pool_id          text        NOT NULL,
    request_id       uuid        NOT NULL,
    phase            text        NOT NULL,
    reserved_at      timestamptz NOT NULL,
    invited_at       timestamptz,
    activated_at     timestamptz,
    activation_cause text,
    closed_at        timestamptz,
    close_reason     text,
    quarantine_until timestamptz,
    client_wrote_at  timestamptz,
    last_reminded_at timestamptz,
    joined           bigint      NOT NULL,
    position         bigint      NOT NULL
);

COMMENT ON COLUMN rm_chat_rooms.number IS 'phone_number_id of the secondary that carries the room';
COMMENT ON COLUMN rm_chat_rooms.request_id IS 'The request that opened the room';
COMMENT ON COLUMN rm_chat_rooms.joined IS 'How many further requests joined while it was under way';
COMMENT ON COLUMN rm_chat_rooms.position IS 'Position of the event that changed the row last';
