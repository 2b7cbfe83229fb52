-- The chain: SHA-256 over the digest before, the event's position, its time in microseconds since
-- 1970, and the digest of its content, which whoever appends computes beforehand: under the lock
-- every byte counts. The same in Rust, for the checker: crates/eventstore/src/digest.rs, which
-- also knows the form before this one (0016).
CREATE FUNCTION next_digest(previous bytea, "position" bigint, recorded_at timestamptz,
    content bytea) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(previous || int8send("position")
        || int8send((extract(epoch FROM recorded_at) * 1000000)::bigint) || content)
$$;
