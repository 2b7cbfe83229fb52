-- Why an item of an append loses: a new room clashes with another one of its client, as the item
-- itself leaves that one: open with the same user or on the same number, or resting on that number
-- after another user.
-- Called by append_events (0017) under the lock of log_head; gives null, or the reason as JSON.
CREATE FUNCTION room_conflict(company text, at timestamptz, opened jsonb, moved jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    room record;
    clash record;
BEGIN
    FOR room IN
        SELECT * FROM jsonb_to_recordset(opened)
            AS o (room_id uuid, client_id uuid, user_id text, number text)
    LOOP
        SELECT other.room_id, other.phase, other.user_id = room.user_id AS same_user INTO clash
        FROM (
            SELECT r.room_id, r.user_id, r.number,
                CASE WHEN move.room_id IS NULL THEN r.phase ELSE move.phase END AS phase,
                CASE WHEN move.room_id IS NULL
                    THEN r.quarantine_until ELSE move.quarantine_until END AS quarantine_until
            FROM rooms r
            LEFT JOIN jsonb_to_recordset(moved)
                AS move (room_id uuid, phase text, quarantine_until timestamptz)
                ON move.room_id = r.room_id
            WHERE r.company = room_conflict.company AND r.client_id = room.client_id) AS other
        WHERE CASE WHEN other.phase = 'closed'
            THEN other.number = room.number AND other.user_id <> room.user_id
                AND other.quarantine_until > room_conflict.at
            ELSE other.user_id = room.user_id OR other.number = room.number END
        ORDER BY other.phase = 'closed', other.user_id <> room.user_id
        LIMIT 1;
        IF clash.phase = 'closed' THEN
            RETURN jsonb_build_object('reason', 'pair_quarantined');
        ELSIF FOUND THEN
            RETURN jsonb_build_object('reason', 'room_open', 'room_id', clash.room_id,
                'constraint', CASE WHEN clash.same_user THEN 'client_user' ELSE 'client_number' END);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
