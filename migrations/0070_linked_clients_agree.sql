-- append_identifiers_agree (0047), for which ids of one client (0064) are no contradiction, and which
-- knows the client of a profile that the call does not bring: else each message of such a client would
-- have the whole call appended item by item.
CREATE OR REPLACE FUNCTION append_identifiers_agree(people append_people) RETURNS boolean
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
            AND NOT is_one_client(i.company, known.client_id, i.client)
    ) AND NOT EXISTS (
        SELECT FROM unnest((people).held_company, (people).held_profile, (people).held_client,
            (people).held_kind, (people).held_value, (people).held_is_news)
            AS h (company, profile, client, kind, value, is_news)
        CROSS JOIN LATERAL (
            SELECT known.client_id FROM client_identifiers known
            WHERE known.company = h.company AND known.kind = h.kind AND known.value = h.value
            OFFSET 0) AS known
        CROSS JOIN LATERAL (
            SELECT coalesce(h.client, (
                SELECT p.client_id FROM profiles p WHERE p.profile_id = h.profile)) AS client_id
            OFFSET 0) AS own
        WHERE h.is_news AND known.client_id IS DISTINCT FROM own.client_id
            AND NOT coalesce(is_one_client(h.company, known.client_id, own.client_id), false)
    );
END
$$;
