-- Why: the view reminders, one row for each time that a client asked on the primary for a
-- user whom it could reach in a room, whether the reminder was sent or suppressed.
-- For: queries::reminders.
CREATE TABLE rm_reminders (
    reminder_id uuid        PRIMARY KEY,
    request_id  uuid        NOT NULL,
    room_id     uuid        NOT NULL,
    company     text        NOT NULL,
    user_id     text        NOT NULL,
    client_id   uuid        NOT NULL,
    number      text        NOT NULL,
    message_id  uuid,
    suppressed  boolean     NOT NULL,
    at          timestamptz NOT NULL,
    position    bigint      NOT NULL
);

COMMENT ON COLUMN rm_reminders.reminder_id IS 'Id of the event that records the reminder';
COMMENT ON COLUMN rm_reminders.message_id IS 'The message, or null where it was suppressed';
