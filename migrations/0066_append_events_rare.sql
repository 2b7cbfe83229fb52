-- append_events (0049), which also writes what few events mean: `rare` is a JSON array, or null as
-- nearly always, of objects with `item` and `event` (numbers of the call, from 1), `company`, and
-- one member that says what it is (0069). Which event says what: crates/eventstore/src/facts.rs.
-- The function without it stays for programs that don't know it.
CREATE FUNCTION append_events(items append_items, streams append_streams, happened append_rows,
    people append_people, rooms append_rooms, one_by_one boolean, old_clients boolean, rare jsonb)
RETURNS TABLE (verdict text, first_position bigint, last_position bigint, recorded_at timestamptz,
    detail jsonb)
LANGUAGE plpgsql
SET enable_seqscan TO off SET enable_hashjoin TO off SET enable_mergejoin TO off
SET enable_material TO off SET plan_cache_mode TO force_generic_plan SET jit TO off
SET work_mem TO '64MB'
AS $$
#variable_conflict use_column
DECLARE
    head log_head;
    ahead log_head;
    many int := cardinality((items).input_id);
    low int := 1;
    high int;
    base bigint;
    stored inputs%ROWTYPE;
    loss jsonb;
    lanes_behind text[] := '{}';
BEGIN
    SELECT * INTO STRICT head FROM log_head FOR UPDATE;
    head.recorded_at := greatest(head.recorded_at, clock_timestamp());
    IF NOT one_by_one THEN
        one_by_one := NOT append_versions_agree(streams);
    END IF;
    IF NOT one_by_one THEN
        BEGIN
            ahead := append_range(head, items, happened, people, rooms, 1, many, true, old_clients);
            PERFORM append_rare(rare, 1, many, head.position);
        EXCEPTION WHEN unique_violation OR SQLSTATE 'ON001' THEN
            one_by_one := true;
        END;
    END IF;

    WHILE low <= many LOOP
        IF one_by_one THEN
            IF (items).company[low] = ANY (lanes_behind) THEN
                RETURN QUERY SELECT 'lost', NULL::bigint, NULL::bigint, head.recorded_at,
                    '{"reason": "lane_behind"}'::jsonb;
                low := low + 1;
                CONTINUE;
            END IF;
            SELECT * INTO stored FROM inputs i
            WHERE i.company = (items).company[low] AND i.input_id = (items).input_id[low];
            IF FOUND THEN
                -- What the lane decided after it, it decided on events that are not recorded.
                lanes_behind := lanes_behind || (items).company[low];
                RETURN QUERY SELECT 'duplicate', stored.first_position, stored.last_position,
                    head.recorded_at, stored.answer::jsonb;
                low := low + 1;
                CONTINUE;
            END IF;
            loss := coalesce(append_loss(items, streams, people, rooms, low),
                append_rare_loss(rare, low));
            IF loss IS NOT NULL THEN
                lanes_behind := lanes_behind || (items).company[low];
                RETURN QUERY SELECT 'lost', NULL::bigint, NULL::bigint, head.recorded_at, loss;
                low := low + 1;
                CONTINUE;
            END IF;
        END IF;
        high := CASE WHEN one_by_one THEN low ELSE many END;
        base := head.position - coalesce((items).last_event[low - 1], 0);
        IF one_by_one THEN
            head := append_range(head, items, happened, people, rooms, low, high, false, false);
            PERFORM append_rare(rare, low, high, base);
        ELSE
            head := ahead;
        END IF;
        RETURN QUERY
            SELECT 'appended', CASE WHEN i.last > i.before THEN base + i.before + 1 END,
                CASE WHEN i.last > i.before THEN base + i.last END, head.recorded_at, NULL::jsonb
            FROM (
                SELECT coalesce((items).last_event[n - 1], 0) AS before,
                    (items).last_event[n] AS last
                FROM generate_series(low, high) AS n) AS i;
        low := high + 1;
    END LOOP;

    UPDATE log_head
    SET position = head.position, digest = head.digest, recorded_at = head.recorded_at
    WHERE log_head.position < head.position;
END
$$;
