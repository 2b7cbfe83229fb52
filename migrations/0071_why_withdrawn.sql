-- Why: a message may wait for hours (for a place in its portfolio's limit, for a number that rests),
-- and what it was decided from may not be so any more when its turn comes: its client has stopped
-- templates, is blocked, or has left the number that it would go to.
-- Query: SendQueue::claim, for each message that is claimed.

-- By far the most profiles never have such an event; the last one of a profile tells.
CREATE INDEX blocks_of_profile ON events (aggregate_id, sequence)
    WHERE event_type IN ('client-blocked', 'client-unblocked');

-- Why a message of a room must not be sent any more; null: it may.
--   of_company  whose message
--   message     as send_queue has it
-- plpgsql, for its plans are kept.
CREATE FUNCTION why_withdrawn(of_company text, message jsonb) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    its_client uuid;
    its_profile uuid;
    its_address text := message->'to'->>'value';
    is_template boolean := message->'content'->>'kind' = 'template';
    the_clients uuid[];
BEGIN
    SELECT r.client_id, r.profile_id INTO its_client, its_profile
    FROM rooms r WHERE r.room_id = (message->>'room_id')::uuid;
    IF NOT FOUND THEN
        RETURN NULL; -- a reply, which answers what its client has just written
    END IF;
    -- With all that are known to be the same (0064).
    the_clients := ARRAY(
        SELECT its_client
        UNION SELECT l.linked_to FROM client_links l
        WHERE l.company = of_company AND l.client_id = its_client
        UNION SELECT l.client_id FROM client_links l
        WHERE l.company = of_company AND l.linked_to = its_client
        UNION SELECT other.client_id FROM client_links l
        JOIN client_links other ON other.company = of_company AND other.linked_to = l.linked_to
        WHERE l.company = of_company AND l.client_id = its_client);
    -- What it said last counts; of the same second, that it wants no more (0059).
    IF is_template AND coalesce((
        SELECT s.stopped FROM client_consents s
        WHERE s.company = of_company AND s.client_id = ANY (the_clients)
        ORDER BY date_trunc('second', s.sent_at) DESC, s.stopped DESC LIMIT 1), false)
    THEN
        RETURN 'stopped';
    END IF;
    -- Numbers are written with and without `+`.
    IF EXISTS (
        SELECT FROM left_identifiers l
        WHERE l.company = of_company AND l.kind IN ('wa_id', 'phone')
            AND l.value IN (its_address, ltrim(its_address, '+')) AND l.client_id = ANY (the_clients))
    THEN
        RETURN 'moved';
    END IF;
    IF EXISTS (
        SELECT FROM (
            SELECT its_profile AS id
            UNION SELECT p.profile_id FROM profiles p
            WHERE p.company = of_company AND p.client_id = ANY (the_clients)) AS own
        CROSS JOIN LATERAL (
            SELECT e.event_type FROM events e
            WHERE e.aggregate_type = 'client-profile' AND e.aggregate_id = own.id::text
                AND e.event_type IN ('client-blocked', 'client-unblocked')
            ORDER BY e.sequence DESC LIMIT 1) AS last
        WHERE last.event_type = 'client-blocked')
    THEN
        RETURN 'blocked';
    END IF;
    RETURN NULL;
END
$$;
