-- Brings the tables that decisions look things up in (0006 to 0009) up to an item's events.
-- Which event leads to which fact is told in one place: crates/eventstore/src/facts.rs.
-- Called by append_events (0017) under the lock of log_head; `first` is the position of the
-- item's first event, `event` counts from there.
CREATE FUNCTION record_facts(company text, first bigint, facts jsonb) RETURNS void
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    move record;
BEGIN
    IF facts ? 'clients' THEN
        INSERT INTO clients (company, client_id, first_seen_position)
        SELECT record_facts.company, c.client_id, first + c.event
        FROM jsonb_to_recordset(facts->'clients') AS c (client_id uuid, event int)
        ON CONFLICT (company, client_id) DO NOTHING; -- seen before: the first time counts
    END IF;
    IF facts ? 'client_identifiers' THEN
        INSERT INTO client_identifiers (company, kind, value, client_id, position)
        SELECT record_facts.company, i.kind, i.value, i.client_id, first + i.event
        FROM jsonb_to_recordset(facts->'client_identifiers')
            AS i (client_id uuid, kind text, value text, event int)
        ON CONFLICT (company, kind, value) DO NOTHING; -- the older owner stays, by design
    END IF;
    IF facts ? 'profiles' THEN
        INSERT INTO profiles (profile_id, company, client_id, created_position)
        SELECT p.profile_id, record_facts.company, p.client_id, first + p.event
        FROM jsonb_to_recordset(facts->'profiles') AS p (profile_id uuid, client_id uuid, event int);
    END IF;
    IF facts ? 'profile_identifiers' THEN
        INSERT INTO profile_identifiers (company, kind, value, profile_id)
        SELECT record_facts.company, i.kind, i.value, i.profile_id
        FROM jsonb_to_recordset(facts->'profile_identifiers')
            AS i (profile_id uuid, kind text, value text)
        ON CONFLICT (company, kind, value, profile_id) DO NOTHING; -- it holds it already
        -- What leads to a profile leads to its client, unless it leads to an older one.
        INSERT INTO client_identifiers (company, kind, value, client_id, position)
        SELECT record_facts.company, i.kind, i.value,
            (SELECT p.client_id FROM profiles p WHERE p.profile_id = i.profile_id), first + i.event
        FROM jsonb_to_recordset(facts->'profile_identifiers')
            AS i (profile_id uuid, kind text, value text, event int)
        ON CONFLICT (company, kind, value) DO NOTHING; -- the older owner stays, by design
    END IF;
    -- Moves first: a room that the item closes makes way for the one that it opens. One by one:
    -- a join with a set from JSON may become a scan of all rooms.
    IF facts ? 'rooms_moved' THEN
        FOR move IN
            SELECT * FROM jsonb_to_recordset(facts->'rooms_moved')
                AS m (room_id uuid, phase text, deadline timestamptz, quarantine_until timestamptz)
        LOOP
            UPDATE rooms
            SET phase = move.phase, deadline = move.deadline,
                quarantine_until = move.quarantine_until
            WHERE room_id = move.room_id;
        END LOOP;
    END IF;
    IF facts ? 'rooms_opened' THEN
        INSERT INTO rooms (room_id, company, profile_id, client_id, user_id, number, pool_id,
            request_id, phase, deadline, quarantine_until)
        SELECT o.room_id, record_facts.company, o.profile_id, o.client_id, o.user_id, o.number,
            o.pool_id, o.request_id, o.phase, o.deadline, o.quarantine_until
        FROM jsonb_to_recordset(facts->'rooms_opened')
            AS o (room_id uuid, profile_id uuid, client_id uuid, user_id text, number text,
                pool_id text, request_id uuid, phase text, deadline timestamptz,
                quarantine_until timestamptz);
    END IF;
    IF facts ? 'messages' THEN
        INSERT INTO message_references (company, wamid, request_id, message_id)
        SELECT record_facts.company, m.wamid, m.request_id, m.message_id
        FROM jsonb_to_recordset(facts->'messages')
            AS m (wamid text, request_id uuid, message_id uuid)
        ON CONFLICT (company, wamid) DO NOTHING; -- WhatsApp's ids are unique; the first stays
    END IF;
END
$$;
