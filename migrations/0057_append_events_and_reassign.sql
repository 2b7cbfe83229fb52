-- Why: a room can be given to another user, which no append could say so far. It is rare, so
-- append_events (0049) stays as it is, and the one item that does it is appended by this function.
-- For: EventStore::append, with the item that holds the event room-reassigned and with no other.
--
-- The item is recorded as append_events does it, and the room has its new user with it, or nothing is.
-- Of a client's two open rooms with one user the index one_open_room_per_client_and_user (0008)
-- refuses the second; then the item loses as a new room would, and the open one is named.
CREATE FUNCTION append_events_and_reassign(items append_items, streams append_streams,
    happened append_rows, people append_people, rooms append_rooms, room uuid, user_id text)
RETURNS TABLE (verdict text, first_position bigint, last_position bigint, recorded_at timestamptz,
    detail jsonb)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    answer record;
    broken text;
    other uuid;
BEGIN
    -- Before the block below, so that the lock is kept if what is done there is undone.
    PERFORM FROM log_head FOR UPDATE;
    BEGIN
        SELECT a.verdict, a.first_position, a.last_position, a.recorded_at, a.detail
        INTO STRICT answer
        FROM append_events(items, streams, happened, people, rooms, true, false) AS a;
        IF answer.verdict = 'appended' THEN
            UPDATE rooms AS r SET user_id = append_events_and_reassign.user_id
            WHERE r.room_id = append_events_and_reassign.room;
        END IF;
    EXCEPTION WHEN unique_violation THEN
        GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME;
        IF broken <> 'one_open_room_per_client_and_user' THEN
            RAISE;
        END IF;
        SELECT o.room_id INTO STRICT other
        FROM rooms AS own
        JOIN rooms AS o ON o.company = own.company AND o.client_id = own.client_id
        WHERE own.room_id = append_events_and_reassign.room AND o.room_id <> own.room_id
            AND o.user_id = append_events_and_reassign.user_id AND o.phase <> 'closed';
        RETURN QUERY SELECT 'lost', NULL::bigint, NULL::bigint, clock_timestamp(),
            jsonb_build_object('reason', 'room_open', 'room_id', other,
                'constraint', 'client_user');
        RETURN;
    END;
    RETURN QUERY SELECT answer.verdict, answer.first_position, answer.last_position,
        answer.recorded_at, answer.detail;
END
$$;
