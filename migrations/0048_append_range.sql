-- Records the items from `low` to `high`, against which nothing stands, and gives the log's new
-- head: the events, then the tables that decisions look things up in (0006 to 0009). Which event
-- leads to which fact is told in one place: crates/eventstore/src/facts.rs.
--
-- `unseen`: nobody has looked whether something stands against them. Then a new stream or input
-- that is there already fails as a unique violation, and a client who is known is looked at here,
-- the others not: where all rows of `clients` are new, there is nothing that could stand against
-- them. `old_clients`: a room is opened for a client whom the items do not bring. What stands
-- against an item fails with SQLSTATE ON001.
-- Called by append_events (0049) under the lock of log_head.
CREATE FUNCTION append_range(head log_head, items append_items, happened append_rows,
    people append_people, rooms append_rooms, low int, high int, unseen boolean, old_clients boolean) RETURNS log_head
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    -- The numbers of these items' events, and what makes a position of an event's number.
    first int := coalesce((items).last_event[low - 1], 0) + 1;
    last int := (items).last_event[high];
    base bigint := head.position - first + 1;
    content bytea;
    digests bytea[] := '{}';
    added int;
BEGIN
    INSERT INTO clients (company, client_id, first_seen_position)
    SELECT c.company, c.id, base + c.event
    FROM unnest((people).client_item, (people).client_company, (people).client_id,
        (people).client_event) AS c (item, company, id, event)
    WHERE c.item BETWEEN low AND high
    ON CONFLICT (company, client_id) DO NOTHING; -- seen before: the first time counts
    GET DIAGNOSTICS added = ROW_COUNT;
    IF unseen AND (old_clients OR added < cardinality((people).client_id)) AND NOT (
        append_identifiers_agree(people) AND append_rooms_agree(rooms))
    THEN
        RAISE EXCEPTION 'something stands against an item' USING ERRCODE = 'ON001';
    END IF;

    FOREACH content IN ARRAY (happened).content[first:last] LOOP
        head.position := head.position + 1;
        head.digest := next_digest(head.digest, head.position, head.recorded_at, content);
        digests := array_append(digests, head.digest);
    END LOOP;
    INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload,
        metadata, position, event_id, recorded_at, company, correlation_id, causation_id,
        traceparent, digest)
    SELECT e.kind, e.id, e.sequence, e.type, e.version, e.payload::json, e.metadata::json,
        base + first - 1 + e.n, e.event_id, head.recorded_at, e.company, e.correlation_id,
        e.causation_id, e.traceparent, e.digest
    FROM unnest((happened).kind[first:last], (happened).id[first:last],
        (happened).sequence[first:last], (happened).event_id[first:last],
        (happened).type[first:last], (happened).version[first:last],
        (happened).payload[first:last], (happened).metadata[first:last],
        (happened).company[first:last], (happened).correlation_id[first:last],
        (happened).causation_id[first:last], (happened).traceparent[first:last], digests)
        WITH ORDINALITY AS e (kind, id, sequence, event_id, type, version, payload, metadata,
            company, correlation_id, causation_id, traceparent, digest, n);

    INSERT INTO inputs (company, input_id, first_position, last_position, answer, decided_at,
        correlation_id)
    SELECT i.company, i.input_id,
        CASE WHEN i.last > i.before THEN base + i.before + 1 END,
        CASE WHEN i.last > i.before THEN base + i.last END,
        i.answer::json, i.at, CASE WHEN i.last > i.before THEN i.correlation_id END
    FROM (
        SELECT u.*, coalesce(lag(u.last) OVER (ORDER BY u.n), first - 1) AS before
        FROM unnest((items).company[low:high], (items).input_id[low:high], (items).at[low:high],
            (items).answer[low:high], (items).correlation_id[low:high],
            (items).last_event[low:high])
            WITH ORDINALITY AS u (company, input_id, at, answer, correlation_id, last, n)) AS i;
    INSERT INTO lanes AS l (company, directory_version)
    SELECT i.company, max(i.version)
    FROM unnest((items).company[low:high], (items).directory_version[low:high])
        AS i (company, version)
    WHERE i.version IS NOT NULL
    GROUP BY i.company
    ON CONFLICT (company) DO UPDATE
    SET directory_version = greatest(l.directory_version, excluded.directory_version);

    INSERT INTO client_identifiers (company, kind, value, client_id, position)
    SELECT i.company, i.kind, i.value, i.client, base + i.event
    FROM unnest((people).identifier_item, (people).identifier_company, (people).identifier_client,
        (people).identifier_kind, (people).identifier_value, (people).identifier_event)
        AS i (item, company, client, kind, value, event)
    WHERE i.item BETWEEN low AND high
    ON CONFLICT (company, kind, value) DO NOTHING; -- the older owner stays, by design
    GET DIAGNOSTICS added = ROW_COUNT;
    IF unseen AND added < cardinality((people).identifier_client)
        AND NOT append_identifiers_agree(people)
    THEN
        RAISE EXCEPTION 'an identifier leads to another client' USING ERRCODE = 'ON001';
    END IF;
    INSERT INTO profiles (profile_id, company, client_id, created_position)
    SELECT p.id, p.company, p.client, base + p.event
    FROM unnest((people).profile_item, (people).profile_company, (people).profile_id,
        (people).profile_client, (people).profile_event) AS p (item, company, id, client, event)
    WHERE p.item BETWEEN low AND high;
    INSERT INTO profile_identifiers (company, kind, value, profile_id)
    SELECT h.company, h.kind, h.value, h.profile
    FROM unnest((people).held_item, (people).held_company, (people).held_profile,
        (people).held_kind, (people).held_value) AS h (item, company, profile, kind, value)
    WHERE h.item BETWEEN low AND high
    ON CONFLICT (company, kind, value, profile_id) DO NOTHING; -- it holds it already
    -- What leads to a profile leads to its client, unless it leads to an older one.
    INSERT INTO client_identifiers (company, kind, value, client_id, position)
    SELECT h.company, h.kind, h.value,
        coalesce(h.client, (SELECT p.client_id FROM profiles p WHERE p.profile_id = h.profile)),
        base + h.event
    FROM unnest((people).held_item, (people).held_company, (people).held_profile,
        (people).held_client, (people).held_kind, (people).held_value, (people).held_event,
        (people).held_is_news) AS h (item, company, profile, client, kind, value, event, is_news)
    WHERE h.item BETWEEN low AND high AND h.is_news
    ON CONFLICT (company, kind, value) DO NOTHING; -- the older owner stays, by design
    GET DIAGNOSTICS added = ROW_COUNT;
    IF unseen AND added < (
        SELECT count(*) FROM unnest((people).held_is_news) AS h (is_news) WHERE h.is_news)
        AND NOT append_identifiers_agree(people)
    THEN
        RAISE EXCEPTION 'an identifier leads to another client' USING ERRCODE = 'ON001';
    END IF;

    -- A room that an item closes makes way for the one that it opens, so moves come first, but for
    -- those of rooms that are opened here.
    PERFORM append_moves(rooms, low, high, false);
    INSERT INTO rooms (room_id, company, profile_id, client_id, user_id, number, pool_id,
        request_id, phase, deadline, quarantine_until)
    SELECT o.room, o.company, o.profile, o.client, o.user_id, o.number, o.pool, o.request, o.phase,
        o.deadline, o.quarantine
    FROM unnest((rooms).opened_item, (rooms).opened_room, (rooms).opened_company,
        (rooms).opened_profile, (rooms).opened_client, (rooms).opened_user, (rooms).opened_number,
        (rooms).opened_pool, (rooms).opened_request, (rooms).opened_phase,
        (rooms).opened_deadline, (rooms).opened_quarantine)
        AS o (item, room, company, profile, client, user_id, number, pool, request, phase,
            deadline, quarantine)
    WHERE o.item BETWEEN low AND high;
    PERFORM append_moves(rooms, low, high, true);
    INSERT INTO message_references (company, wamid, request_id, message_id)
    SELECT m.company, m.wamid, m.request, m.id
    FROM unnest((rooms).message_item, (rooms).message_company, (rooms).message_wamid,
        (rooms).message_request, (rooms).message_id) AS m (item, company, wamid, request, id)
    WHERE m.item BETWEEN low AND high
    ON CONFLICT (company, wamid) DO NOTHING; -- WhatsApp's ids are unique; the first stays
    RETURN head;
END
$$;

-- Moves rooms, one after the other: the last state of a room is the one that stays.
CREATE FUNCTION append_moves(rooms append_rooms, low int, high int, late boolean) RETURNS void
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    move record;
BEGIN
    FOR move IN
        SELECT * FROM unnest((rooms).moved_item, (rooms).moved_room, (rooms).moved_phase,
            (rooms).moved_deadline, (rooms).moved_quarantine, (rooms).moved_late)
            AS m (item, room_id, phase, deadline, quarantine_until, is_late)
        WHERE m.item BETWEEN low AND high AND m.is_late = append_moves.late
    LOOP
        UPDATE rooms AS r
        SET phase = move.phase, deadline = move.deadline, quarantine_until = move.quarantine_until
        WHERE r.room_id = move.room_id;
    END LOOP;
END
$$;
