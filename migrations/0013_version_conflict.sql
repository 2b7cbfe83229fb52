-- Why an item of an append loses: a stream is not at the version that the decision was made on.
-- Called by append_events (0017) under the lock of log_head; gives null, or the reason as JSON.
CREATE FUNCTION version_conflict(streams jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object(
            'reason', 'version_conflict',
            'aggregate_type', stream.kind,
            'aggregate_id', stream.id,
            'expected', stream.expected,
            'found', found.version)
        FROM jsonb_to_recordset(streams) AS stream (kind text, id text, expected bigint)
        CROSS JOIN LATERAL (
            SELECT coalesce((
                SELECT sequence FROM events
                WHERE aggregate_type = stream.kind AND aggregate_id = stream.id
                ORDER BY sequence DESC LIMIT 1), 0) AS version) AS found
        WHERE found.version <> stream.expected
        LIMIT 1);
END
$$;
