-- Why: when two clients turn out to be one, rooms may be open side by side that exclude each other;
-- an operator has to find them.
-- For: queries::chat_rooms with `clashing`, a few rows of a long table.
ALTER TABLE rm_chat_rooms ADD COLUMN clashes_with uuid[] NOT NULL DEFAULT '{}';
CREATE INDEX rm_chat_rooms_clashing ON rm_chat_rooms (company, reserved_at, room_id)
    WHERE clashes_with <> '{}' AND phase <> 'closed';

COMMENT ON COLUMN rm_chat_rooms.clashes_with IS
    'Rooms that were open when its client turned out to be theirs too, with the same user or on the same number';
