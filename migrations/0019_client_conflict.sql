-- Why an item of an append loses: it brings a client that was not known before, and what leads to
-- that client leads to another one already. Another worker was faster; deciding again finds it.
-- Called by append_events (0017) under the lock of log_head; gives null, or the reason as JSON.
CREATE FUNCTION client_conflict(company text, facts jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    IF NOT EXISTS (
        SELECT FROM jsonb_to_recordset(facts->'clients') AS c (client_id uuid)
        WHERE NOT EXISTS (
            SELECT FROM clients known
            WHERE known.company = client_conflict.company AND known.client_id = c.client_id))
    THEN
        RETURN NULL;
    END IF;
    IF EXISTS (
        SELECT FROM jsonb_to_recordset(
            coalesce(facts->'client_identifiers', '[]') || coalesce(facts->'profile_identifiers', '[]'))
            AS i (kind text, value text)
        JOIN client_identifiers known
            ON known.company = client_conflict.company
            AND known.kind = i.kind AND known.value = i.value
        WHERE NOT EXISTS (
            SELECT FROM jsonb_to_recordset(facts->'clients') AS c (client_id uuid)
            WHERE c.client_id = known.client_id))
    THEN
        RETURN jsonb_build_object('reason', 'client_known');
    END IF;
    RETURN NULL;
END
$$;
