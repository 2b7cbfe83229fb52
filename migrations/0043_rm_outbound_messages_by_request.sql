-- Why: a request is shown with the messages that it led to.
-- For: queries::outbound_messages, queries::onboarding_request.
CREATE INDEX rm_outbound_messages_by_request ON rm_outbound_messages (request_id, requested_at, message_id);
