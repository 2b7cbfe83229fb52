-- The only way into the log. One call, as one autocommitted statement, is one append of many
-- items, each the decision of one input: either all of an item is recorded or nothing.
--
-- The lock of log_head comes first and every check after it, in statements of their own: they see
-- all that was committed before. (So an outer transaction must be READ COMMITTED; at a higher
-- level Postgres refuses to lock a row that has changed, and nothing is appended.)
--
-- items: [{company, input_id, at, correlation_id, traceparent, answer, metadata, directory_version,
--          streams: [{kind, id, expected}],
--          events: [{kind, id, sequence, event_id, type, version, payload}],
--          facts: {…}}]                                          -- see record_facts (0015)
-- `payload`, `metadata` and `answer` are JSON inside a string, so that they stay byte for byte.
-- Gives one verdict per item, in order; crates/eventstore/src/verdict.rs reads them.

CREATE FUNCTION append_events(items jsonb) RETURNS SETOF jsonb
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    head log_head%ROWTYPE;
    item record;
    event record;
    stored inputs%ROWTYPE;
    loss jsonb;
    first_position bigint;
    lanes_behind text[] := '{}';
BEGIN
    SELECT * INTO STRICT head FROM log_head FOR UPDATE;
    head.recorded_at := greatest(head.recorded_at, clock_timestamp());

    FOR item IN
        SELECT * FROM jsonb_to_recordset(items) AS i (company text, input_id uuid, at timestamptz,
            correlation_id uuid, traceparent text, answer text, metadata text,
            directory_version bigint, streams jsonb, events jsonb, facts jsonb)
    LOOP
        IF item.company = ANY (lanes_behind) THEN
            RETURN NEXT '{"verdict": "lost", "reason": "lane_behind"}'::jsonb;
            CONTINUE;
        END IF;

        SELECT * INTO stored FROM inputs i
        WHERE i.company = item.company AND i.input_id = item.input_id;
        IF FOUND THEN
            -- What the lane decided after it, it decided on events that are not recorded.
            lanes_behind := lanes_behind || item.company;
            RETURN NEXT jsonb_build_object('verdict', 'duplicate', 'answer', stored.answer,
                'first', stored.first_position, 'last', stored.last_position);
            CONTINUE;
        END IF;

        loss := version_conflict(item.streams);
        IF loss IS NULL AND item.facts ? 'clients' THEN
            loss := client_conflict(item.company, item.facts);
        END IF;
        IF loss IS NULL AND item.facts ? 'rooms_opened' THEN
            loss := room_conflict(item.company, item.at, item.facts->'rooms_opened',
                coalesce(item.facts->'rooms_moved', '[]'));
        END IF;
        IF loss IS NOT NULL THEN
            lanes_behind := lanes_behind || item.company;
            RETURN NEXT '{"verdict": "lost"}'::jsonb || loss;
            CONTINUE;
        END IF;

        first_position := head.position + 1;
        FOR event IN
            SELECT * FROM jsonb_to_recordset(item.events) AS e (kind text, id text,
                sequence bigint, event_id uuid, type text, version text, payload text)
        LOOP
            head.position := head.position + 1;
            head.digest := event_digest(head.digest, head.position, event.event_id, item.company,
                event.kind, event.id, event.sequence, event.type, event.version, head.recorded_at,
                item.correlation_id, item.input_id, item.traceparent, item.metadata, event.payload);
            INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version,
                payload, metadata, position, event_id, recorded_at, company, correlation_id,
                causation_id, traceparent, digest)
            VALUES (event.kind, event.id, event.sequence, event.type, event.version,
                event.payload::json, item.metadata::json, head.position, event.event_id,
                head.recorded_at, item.company, item.correlation_id, item.input_id,
                item.traceparent, head.digest);
        END LOOP;

        IF item.facts <> '{}' THEN
            PERFORM record_facts(item.company, first_position, item.facts);
        END IF;
        IF item.directory_version IS NOT NULL THEN
            INSERT INTO lanes AS l (company, directory_version)
            VALUES (item.company, item.directory_version)
            ON CONFLICT (company) DO UPDATE
            SET directory_version = greatest(l.directory_version, excluded.directory_version);
        END IF;
        IF head.position < first_position THEN
            first_position := NULL;
        END IF;
        INSERT INTO inputs (company, input_id, first_position, last_position, answer, decided_at)
        VALUES (item.company, item.input_id, first_position,
            CASE WHEN first_position IS NOT NULL THEN head.position END,
            item.answer::json, item.at);
        RETURN NEXT jsonb_build_object('verdict', 'appended', 'first', first_position,
            'last', CASE WHEN first_position IS NOT NULL THEN head.position END);
    END LOOP;

    UPDATE log_head
    SET position = head.position, digest = head.digest, recorded_at = head.recorded_at
    WHERE log_head.position < head.position;
END
$$;
