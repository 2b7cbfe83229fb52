-- Writes what is rare (0066) of the items from `low` to `high`: clients that are one (0064), numbers
-- that clients left and took over (0067), what clients said about templates (0059), rooms that have
-- another user. An event's position is `base` plus its number.
-- Called by append_events under the lock of log_head, after append_range (0053).
CREATE FUNCTION append_rare(rare jsonb, low int, high int, base bigint) RETURNS void
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    fact jsonb;
BEGIN
    IF rare IS NULL THEN
        RETURN;
    END IF;
    FOR fact IN SELECT * FROM jsonb_array_elements(rare) LOOP
        CONTINUE WHEN (fact->>'item')::int NOT BETWEEN low AND high;
        IF fact ? 'linked' THEN
            PERFORM append_links(fact->>'company', (fact->'linked'->>'client')::uuid,
                ARRAY(SELECT jsonb_array_elements_text(fact->'linked'->'same_as')::uuid),
                base + (fact->>'event')::int);
        ELSIF fact ? 'left' THEN
            INSERT INTO left_identifiers AS known (company, kind, value, client_id, since)
            SELECT fact->>'company', i.kind, i.value, (fact->'left'->>'client')::uuid,
                (fact->'left'->>'since')::timestamptz
            FROM jsonb_to_recordset(fact->'left'->'identifiers') AS i (kind text, value text)
            ON CONFLICT (company, kind, value, client_id) DO UPDATE
            SET since = greatest(known.since, excluded.since);
        ELSIF fact ? 'taken_over' THEN
            UPDATE client_identifiers known
            SET client_id = (fact->'taken_over'->>'client')::uuid,
                position = base + (fact->>'event')::int
            FROM jsonb_to_recordset(fact->'taken_over'->'identifiers') AS i (kind text, value text)
            WHERE known.company = fact->>'company' AND known.kind = i.kind AND known.value = i.value;
            -- It has come back to what it had left.
            DELETE FROM left_identifiers l
            USING jsonb_to_recordset(fact->'taken_over'->'identifiers') AS i (kind text, value text)
            WHERE l.company = fact->>'company' AND l.kind = i.kind AND l.value = i.value
                AND is_one_client(fact->>'company', l.client_id,
                    (fact->'taken_over'->>'client')::uuid);
        ELSIF fact ? 'said' THEN
            INSERT INTO client_consents AS known (company, client_id, stopped, sent_at)
            VALUES (fact->>'company', (fact->'said'->>'client')::uuid,
                (fact->'said'->>'stopped')::boolean, (fact->'said'->>'sent_at')::timestamptz)
            ON CONFLICT (company, client_id) DO UPDATE
            SET stopped = excluded.stopped, sent_at = excluded.sent_at
            WHERE (date_trunc('second', excluded.sent_at), excluded.stopped)
                > (date_trunc('second', known.sent_at), known.stopped);
        ELSIF fact ? 'reassigned' THEN
            UPDATE rooms SET user_id = fact->'reassigned'->>'user'
            WHERE room_id = (fact->'reassigned'->>'room')::uuid;
        ELSE
            RAISE EXCEPTION 'append_rare does not know %', fact;
        END IF;
    END LOOP;
END
$$;

-- Why an item loses by what is rare of it, or null: the client has an open room with the user whom
-- one of its rooms is given to. Called by append_events (0066) under the lock of log_head.
CREATE FUNCTION append_rare_loss(rare jsonb, item int) RETURNS jsonb
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    loss jsonb;
BEGIN
    IF rare IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT jsonb_build_object('reason', 'room_open', 'room_id', other.room_id,
        'constraint', 'client_user') INTO loss
    FROM jsonb_array_elements(rare) AS fact
    JOIN rooms own ON own.room_id = (fact->'reassigned'->>'room')::uuid
    JOIN rooms other ON other.company = own.company AND other.client_id = own.client_id
        AND other.room_id <> own.room_id AND other.user_id = fact->'reassigned'->>'user'
        AND other.phase <> 'closed'
    WHERE (fact->>'item')::int = append_rare_loss.item
    LIMIT 1;
    RETURN loss;
END
$$;
