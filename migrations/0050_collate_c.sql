-- Why: keys are compared at every level of every index, and nobody reads them in a language's
-- order. In the "C" collation that is a comparison of bytes; in a database's own it may be a call
-- into the C library. (An index on a column that changes is built anew.)
-- For: append_events (0049), look-ups of decisions, projections.
ALTER TABLE events
    ALTER aggregate_type TYPE text COLLATE "C", ALTER aggregate_id TYPE text COLLATE "C";
ALTER TABLE inputs ALTER company TYPE text COLLATE "C";
ALTER TABLE clients ALTER company TYPE text COLLATE "C";
ALTER TABLE client_identifiers ALTER company TYPE text COLLATE "C",
    ALTER kind TYPE text COLLATE "C", ALTER value TYPE text COLLATE "C";
ALTER TABLE profiles ALTER company TYPE text COLLATE "C";
ALTER TABLE profile_identifiers ALTER company TYPE text COLLATE "C",
    ALTER kind TYPE text COLLATE "C", ALTER value TYPE text COLLATE "C";
ALTER TABLE message_references
    ALTER company TYPE text COLLATE "C", ALTER wamid TYPE text COLLATE "C";
ALTER TABLE rooms ALTER company TYPE text COLLATE "C", ALTER user_id TYPE text COLLATE "C",
    ALTER number TYPE text COLLATE "C";
ALTER TABLE rm_chat_rooms ALTER company TYPE text COLLATE "C", ALTER phase TYPE text COLLATE "C",
    ALTER user_id TYPE text COLLATE "C", ALTER number TYPE text COLLATE "C";
ALTER TABLE rm_reminders ALTER company TYPE text COLLATE "C", ALTER user_id TYPE text COLLATE "C";
ALTER TABLE rm_onboarding_requests ALTER company TYPE text COLLATE "C",
    ALTER outcome TYPE text COLLATE "C", ALTER user_id TYPE text COLLATE "C";
ALTER TABLE send_queue
    ALTER from_number TYPE text COLLATE "C", ALTER recipient TYPE text COLLATE "C";
