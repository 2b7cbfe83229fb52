-- Why: dashboards list a company's reminders, newest first, over any span of time.
-- For: queries::reminders, one index for each filter.
CREATE INDEX rm_reminders_by_time ON rm_reminders (company, at, reminder_id);
CREATE INDEX rm_reminders_by_user ON rm_reminders (company, user_id, at, reminder_id);
CREATE INDEX rm_reminders_by_client ON rm_reminders (company, client_id, at, reminder_id);
CREATE INDEX rm_reminders_by_room ON rm_reminders (room_id, at, reminder_id);
