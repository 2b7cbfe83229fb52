-- Why: what the sender has still to send, kept through crashes. A projection of the requests'
-- events that the sender's own marks are added to, which is why it cannot be rebuilt.
-- For: Projector::send_queue and the work methods of SendQueue.
CREATE TABLE send_queue (
    message_id         uuid        PRIMARY KEY,
    company            text        NOT NULL,
    request_id         uuid        NOT NULL,
    from_number        text        NOT NULL,
    recipient          text,
    message            jsonb,
    position           bigint      NOT NULL,
    state              text        NOT NULL CHECK (state IN ('waiting', 'sending', 'done')),
    attempts           integer     NOT NULL DEFAULT 0,
    unresolved         boolean     NOT NULL DEFAULT false,
    next_attempt_at    timestamptz NOT NULL DEFAULT 'epoch',
    attempt_started_at timestamptz,
    expires_at         timestamptz NOT NULL,
    last_error_code    bigint,
    last_error_class   text,
    traceparent        text,
    updated_at         timestamptz NOT NULL,
    CONSTRAINT unsettled_rows_can_be_sent
        CHECK (state = 'done' OR (message IS NOT NULL AND recipient IS NOT NULL))
);

COMMENT ON COLUMN send_queue.recipient IS 'Personal data, null once the row is done';
COMMENT ON COLUMN send_queue.message IS 'Personal data, null once the row is done';
COMMENT ON COLUMN send_queue.position IS 'Position of the event that requested the message: the order of sending';
COMMENT ON COLUMN send_queue.unresolved IS 'Of some earlier attempt nobody knows whether WhatsApp took the message';
COMMENT ON COLUMN send_queue.next_attempt_at IS 'When the row may be claimed: epoch for a new one; for one that is being sent, the end of its lease';
