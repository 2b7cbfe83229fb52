-- What append_events (0048) takes: the items of one call as columns, one array a column, because
-- Postgres unfolds arrays several times faster than JSON. `item` counts the call's items and
-- `event` its events, both from 1. crates/eventstore/src/columns.rs fills them.

-- One row an item: the decision of one input.
CREATE TYPE append_items AS (
    company           text[],
    input_id          uuid[],
    at                timestamptz[],
    answer            text[],
    correlation_id    uuid[],
    directory_version bigint[],
    last_event        int[]   -- how many events this item and those before it have
);

-- The streams that an item touches or depends on.
CREATE TYPE append_streams AS (
    item     int[],
    kind     text[],
    id       text[],
    expected bigint[],  -- the version that the decision was made on
    again    boolean[], -- an earlier item of the call has it too, and leaves it at `expected`
    fresh    boolean[]  -- the item begins it: if somebody has before, the primary key says so
);

-- The events, item by item. `content` is the digest of everything that is known of an event
-- before it has a position: see next_digest (0046).
CREATE TYPE append_rows AS (
    kind           text[],
    id             text[],
    sequence       bigint[],
    event_id       uuid[],
    type           text[],
    version        text[],
    payload        text[],
    metadata       text[],
    company        text[],
    correlation_id uuid[],
    causation_id   uuid[],
    traceparent    text[],
    content        bytea[]
);

-- Clients and profiles, and what leads to them.
CREATE TYPE append_people AS (
    client_item       int[],
    client_company    text[],
    client_id         uuid[],
    client_event      int[],
    identifier_item   int[],
    identifier_company text[],
    identifier_client uuid[],
    identifier_kind   text[],
    identifier_value  text[],
    identifier_event  int[],
    profile_item      int[],
    profile_company   text[],
    profile_id        uuid[],
    profile_client    uuid[],
    profile_event     int[],
    held_item         int[],
    held_company      text[],
    held_profile      uuid[],
    held_client       uuid[],  -- null: the profile's, as it is stored
    held_kind         text[],
    held_value        text[],
    held_event        int[],
    held_is_news      boolean[] -- that it leads to the client has still to be written
);

-- Rooms, and WhatsApp's ids of our messages.
CREATE TYPE append_rooms AS (
    opened_item       int[],
    opened_company    text[],
    opened_room       uuid[],
    opened_profile    uuid[],
    opened_client     uuid[],
    opened_user       text[],
    opened_number     text[],
    opened_pool       text[],
    opened_request    uuid[],
    opened_phase      text[],
    opened_deadline   timestamptz[],
    opened_quarantine timestamptz[],
    opened_at         timestamptz[],
    moved_item        int[],
    moved_room        uuid[],
    moved_phase       text[],
    moved_deadline    timestamptz[],
    moved_quarantine  timestamptz[],
    message_item      int[],
    message_company   text[],
    message_wamid     text[],
    message_request   uuid[],
    message_id        uuid[],
    moved_late        boolean[] -- an earlier item of the call opens the room
);
