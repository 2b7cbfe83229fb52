-- Why an item of an append loses, or null: the exact answer, for one item.
-- Called by append_events (0049) under the lock of log_head.
CREATE FUNCTION append_loss(items append_items, streams append_streams, people append_people,
    rooms append_rooms, item int) RETURNS jsonb
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    its_company text := (items).company[append_loss.item];
    opened jsonb;
    loss jsonb;
BEGIN
    loss := version_conflict((
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'kind', s.kind, 'id', s.id, 'expected', s.expected)), '[]')
        FROM unnest((streams).item, (streams).kind, (streams).id, (streams).expected)
            AS s (item, kind, id, expected)
        WHERE s.item = append_loss.item));
    IF loss IS NOT NULL THEN
        RETURN loss;
    END IF;
    loss := client_conflict(its_company, (
        SELECT coalesce(array_agg(c.id), '{}')
        FROM unnest((people).client_item, (people).client_id) AS c (item, id)
        WHERE c.item = append_loss.item), (
        SELECT coalesce(jsonb_agg(jsonb_build_object('kind', i.kind, 'value', i.value)), '[]')
        FROM unnest((people).identifier_item || (people).held_item,
            (people).identifier_kind || (people).held_kind,
            (people).identifier_value || (people).held_value) AS i (item, kind, value)
        WHERE i.item = append_loss.item));
    IF loss IS NOT NULL THEN
        RETURN loss;
    END IF;
    opened := (
        SELECT jsonb_agg(jsonb_build_object('room_id', o.room, 'client_id', o.client,
            'user_id', o.user_id, 'number', o.number))
        FROM unnest((rooms).opened_item, (rooms).opened_room, (rooms).opened_client,
            (rooms).opened_user, (rooms).opened_number) AS o (item, room, client, user_id, number)
        WHERE o.item = append_loss.item);
    IF opened IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN room_conflict(its_company, (items).at[append_loss.item], opened, (
        SELECT coalesce(jsonb_agg(jsonb_build_object('room_id', m.room, 'phase', m.phase,
            'quarantine_until', m.quarantine)), '[]')
        FROM unnest((rooms).moved_item, (rooms).moved_room, (rooms).moved_phase,
            (rooms).moved_quarantine) AS m (item, room, phase, quarantine)
        WHERE m.item = append_loss.item));
END
$$;

-- An item loses if it brings a client that was not known before, and what leads to that client
-- leads to another one already. Another worker was faster; deciding again finds it. Each
-- identifier is looked up by its key: joined as sets, all that are known were read for every item.
CREATE FUNCTION client_conflict(company text, brought uuid[], identifiers jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    identifier record;
    owner uuid;
BEGIN
    IF NOT EXISTS (
        SELECT FROM unnest(brought) AS c (id)
        WHERE NOT EXISTS (
            SELECT FROM clients known
            WHERE known.company = client_conflict.company AND known.client_id = c.id))
    THEN
        RETURN NULL;
    END IF;
    FOR identifier IN SELECT * FROM jsonb_to_recordset(identifiers) AS i (kind text, value text)
    LOOP
        SELECT known.client_id INTO owner FROM client_identifiers known
        WHERE known.company = client_conflict.company
            AND known.kind = identifier.kind AND known.value = identifier.value;
        IF FOUND AND owner <> ALL (brought) THEN
            RETURN jsonb_build_object('reason', 'client_known');
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- Whether the streams of all items are at the versions that decisions were made on. Those that the
-- call itself begins or moves on are left to the primary key and to the caller (`fresh` and `again`
-- of append_streams). `OFFSET 0` keeps each look-up one by its index: joined as sets, whole tables
-- would be read while they look small.
CREATE FUNCTION append_versions_agree(streams append_streams) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM unnest((streams).kind, (streams).id, (streams).expected, (streams).again,
            (streams).fresh) AS s (kind, id, expected, again, fresh)
        CROSS JOIN LATERAL (
            SELECT coalesce((
                SELECT sequence FROM events
                WHERE aggregate_type = s.kind AND aggregate_id = s.id
                ORDER BY sequence DESC LIMIT 1), 0) AS version) AS found
        WHERE NOT s.again AND NOT s.fresh AND found.version <> s.expected);
END
$$;

-- Whether what leads to the clients of a call leads to them alone.
CREATE FUNCTION append_identifiers_agree(people append_people) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM unnest((people).identifier_company, (people).identifier_client,
            (people).identifier_kind, (people).identifier_value) AS i (company, client, kind, value)
        CROSS JOIN LATERAL (
            SELECT known.client_id FROM client_identifiers known
            WHERE known.company = i.company AND known.kind = i.kind AND known.value = i.value
            OFFSET 0) AS known
        WHERE known.client_id <> i.client
    ) AND NOT EXISTS (
        SELECT FROM unnest((people).held_company, (people).held_client, (people).held_kind,
            (people).held_value, (people).held_is_news) AS h (company, client, kind, value, is_news)
        CROSS JOIN LATERAL (
            SELECT known.client_id FROM client_identifiers known
            WHERE known.company = h.company AND known.kind = h.kind AND known.value = h.value
            OFFSET 0) AS known
        WHERE h.is_news AND known.client_id IS DISTINCT FROM h.client);
END
$$;

-- Whether no room of a call's clients stands in the way of one that the call opens.
CREATE FUNCTION append_rooms_agree(rooms append_rooms) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM unnest((rooms).opened_company, (rooms).opened_client, (rooms).opened_user,
            (rooms).opened_number, (rooms).opened_at) AS o (company, client, user_id, number, at)
        CROSS JOIN LATERAL (
            SELECT * FROM rooms other
            WHERE other.company = o.company AND other.client_id = o.client OFFSET 0) AS other
        WHERE CASE WHEN other.phase = 'closed'
            THEN other.number = o.number AND other.user_id <> o.user_id
                AND other.quarantine_until > o.at
            ELSE other.user_id = o.user_id OR other.number = o.number END);
END
$$;
