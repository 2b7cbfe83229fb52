-- Why: the view onboarding-requests, one row for each message that asked for something.
-- For: queries::onboarding_requests, queries::onboarding_request.
CREATE TABLE rm_onboarding_requests (
    request_id        uuid        PRIMARY KEY,
    company           text        NOT NULL,
    number            text        NOT NULL,
    client_id         uuid        NOT NULL,
    message_kind      text        NOT NULL,
    message_text      text,
    sent_at           timestamptz NOT NULL,
    received_at       timestamptz NOT NULL,
    decision          text,
    decided_at        timestamptz,
    directory_version bigint,
    user_id           text,
    room_id           uuid,
    outcome           text,
    outcome_at        timestamptz,
    messages          bigint      NOT NULL,
    position          bigint      NOT NULL
);

COMMENT ON COLUMN rm_onboarding_requests.number IS 'phone_number_id that the client wrote to: a primary, or a secondary without a room';
COMMENT ON COLUMN rm_onboarding_requests.message_text IS 'Personal data: what the client wrote';
COMMENT ON COLUMN rm_onboarding_requests.outcome IS 'Null while the request is under way';
COMMENT ON COLUMN rm_onboarding_requests.messages IS 'How many messages the request led to';
COMMENT ON COLUMN rm_onboarding_requests.position IS 'Position of the event that changed the row last';
