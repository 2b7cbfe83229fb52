-- append_rare (0066), which also knows numbers that clients left, and took over from others (0067).
CREATE OR REPLACE FUNCTION append_rare(rare jsonb, low int, high int, base bigint) RETURNS void
LANGUAGE plpgsql AS $$
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
                AND l.client_id = (fact->'taken_over'->>'client')::uuid;
        END IF;
    END LOOP;
END
$$;
