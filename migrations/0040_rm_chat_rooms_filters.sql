-- Why: dashboards list a company's rooms, newest first, over any span of time.
-- For: queries::chat_rooms, one index for each filter.
CREATE INDEX rm_chat_rooms_by_time ON rm_chat_rooms (company, reserved_at, room_id);
CREATE INDEX rm_chat_rooms_by_phase ON rm_chat_rooms (company, phase, reserved_at, room_id);
CREATE INDEX rm_chat_rooms_by_user ON rm_chat_rooms (company, user_id, reserved_at, room_id);
CREATE INDEX rm_chat_rooms_by_client ON rm_chat_rooms (company, client_id, reserved_at, room_id);
CREATE INDEX rm_chat_rooms_by_number ON rm_chat_rooms (company, number, reserved_at, room_id);
