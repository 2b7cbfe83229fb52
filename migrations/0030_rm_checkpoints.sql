-- Why: each projection stores in the transaction of its rows how far it has read
-- the log, and locks its row meanwhile, so that two workers never apply an event twice.
-- For: Projector::checkpoint, Projector::apply, queries::checkpoints, queries::checkpoint_lag.
CREATE TABLE rm_checkpoints (
    view     text   PRIMARY KEY,
    position bigint NOT NULL CHECK (position >= 0)
);

COMMENT ON TABLE rm_checkpoints IS 'Position of the last event that each projection has applied';

INSERT INTO rm_checkpoints (view, position) VALUES
    ('chat-rooms', 0),
    ('reminders', 0),
    ('onboarding-requests', 0),
    ('outbound-messages', 0),
    ('send-queue', 0);
