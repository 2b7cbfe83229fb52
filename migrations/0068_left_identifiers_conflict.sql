-- client_conflict (0047), for which a number that its holder has left (0067) is nobody's: whoever is
-- given it is new to it. A client may be known by one that it is linked to (0064).
CREATE OR REPLACE FUNCTION client_conflict(company text, brought uuid[], identifiers jsonb) RETURNS jsonb
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
        IF FOUND AND owner <> ALL (brought) AND NOT EXISTS (
            SELECT FROM left_identifiers l
            WHERE l.company = client_conflict.company AND l.kind = identifier.kind
                AND l.value = identifier.value
                AND is_one_client(client_conflict.company, l.client_id, owner))
        THEN
            RETURN jsonb_build_object('reason', 'client_known');
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- Whether two ids lead to one client.
CREATE FUNCTION is_one_client(company text, one uuid, other uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT one = other OR linked_client(company, one) = linked_client(company, other)
$$;

-- Whether a profile's client is this one.
CREATE FUNCTION is_profile_of(company text, profile uuid, client uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT is_one_client(is_profile_of.company, p.client_id, client) FROM profiles p
    WHERE p.profile_id = profile
$$;
