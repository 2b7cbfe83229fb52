-- The chain: SHA-256 over the digest before and the row, so that nothing can be left out, changed or
-- re-ordered unnoticed. The same in Rust, for the checker: crates/eventstore/src/digest.rs.
-- STABLE, as its parts are: only then Postgres inlines it.
CREATE FUNCTION event_digest(
    previous bytea, "position" bigint, event_id uuid, company text, aggregate_type text,
    aggregate_id text, sequence bigint, event_type text, event_version text,
    recorded_at timestamptz, correlation_id uuid, causation_id uuid, traceparent text,
    metadata text, payload text) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(previous || convert_to(concat_ws(E'\n', "position", event_id, company,
        aggregate_type, aggregate_id, sequence, event_type, event_version,
        (extract(epoch FROM recorded_at) * 1000000)::bigint, correlation_id, causation_id,
        coalesce(traceparent, ''), metadata, payload), 'UTF8'))
$$;
