-- Leads from WhatsApp's id of a message of ours to its request.
-- Query: a status webhook that does not carry our callback data.
CREATE TABLE message_references (
    company    text NOT NULL,
    wamid      text NOT NULL,
    request_id uuid NOT NULL,
    message_id uuid NOT NULL,
    PRIMARY KEY (company, wamid)
);

CREATE INDEX references_of_request ON message_references (request_id);
