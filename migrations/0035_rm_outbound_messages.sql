-- Why: the view outbound-messages, one row for each message that WhatsApp was to be asked to send.
-- For: queries::outbound_messages, queries::onboarding_request.
CREATE TABLE rm_outbound_messages (
    message_id     uuid        PRIMARY KEY,
    request_id     uuid        NOT NULL,
    company        text        NOT NULL,
    purpose        text        NOT NULL,
    from_number    text        NOT NULL,
    recipient      jsonb       NOT NULL,
    content        jsonb       NOT NULL,
    room_id        uuid,
    expires_at     timestamptz NOT NULL,
    state          text        NOT NULL,
    attempts       bigint      NOT NULL,
    wamid          text,
    requested_at   timestamptz NOT NULL,
    attempted_at   timestamptz,
    accepted_at    timestamptz,
    sent_at        timestamptz,
    delivered_at   timestamptz,
    read_at        timestamptz,
    failed_at      timestamptz,
    error_code     bigint,
    error_class    text,
    error_definite boolean,
    error_title    text,
    position       bigint      NOT NULL
);

COMMENT ON COLUMN rm_outbound_messages.recipient IS 'Personal data: phone number or bsuid';
COMMENT ON COLUMN rm_outbound_messages.content IS 'Personal data: the rendered text, or the template with its parameters';
COMMENT ON COLUMN rm_outbound_messages.requested_at IS 'When the event was recorded; it carries no time of its own';
COMMENT ON COLUMN rm_outbound_messages.attempted_at IS 'The last attempt';
COMMENT ON COLUMN rm_outbound_messages.wamid IS 'Personal data: WhatsApp writes phone numbers into it';
COMMENT ON COLUMN rm_outbound_messages.position IS 'Position of the event that changed the row last';
