-- Why: records that clients are one (0064), from what an event tells. What has become known
-- meanwhile counts: each is replaced by the client to which it leads by now, and of two such the
-- one that was seen first stays.
-- Called by append_rare (0069) under the lock of log_head.
CREATE FUNCTION append_links(company text, client uuid, same_as uuid[], "position" bigint)
RETURNS void
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    other uuid;
    -- The two of them, the one that was seen first before the other.
    two uuid[];
BEGIN
    FOREACH other IN ARRAY same_as LOOP
        SELECT array_agg(c.client_id ORDER BY c.first_seen_position) INTO two
        FROM clients c
        WHERE c.company = append_links.company AND c.client_id IN (
            linked_client(append_links.company, client),
            linked_client(append_links.company, other));
        CONTINUE WHEN cardinality(two) < 2; -- it is known
        UPDATE client_links l SET linked_to = two[1]
        WHERE l.company = append_links.company AND l.linked_to = two[2];
        INSERT INTO client_links (company, client_id, linked_to, position)
        VALUES (append_links.company, two[2], two[1], append_links."position");
    END LOOP;
END
$$;

-- The client to which one leads: itself, if it is not linked.
CREATE FUNCTION linked_client(company text, client uuid) RETURNS uuid
LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT l.linked_to FROM client_links l
        WHERE l.company = linked_client.company AND l.client_id = linked_client.client), client)
$$;
