-- Why: the event of a reminder names its room only. The view reminders remembers here
-- whose room it is, rather than ask the view chat-rooms, which may be ahead or behind.
-- For: Projector::apply of the view reminders.
CREATE TABLE rm_reminder_rooms (
    room_id   uuid PRIMARY KEY,
    user_id   text NOT NULL,
    client_id uuid NOT NULL,
    number    text NOT NULL
);
