-- The only way into the log. One call, as one autocommitted statement, is one append of many
-- items, each the decision of one input: either all of an item is recorded or nothing.
--
-- The lock of log_head comes first and every check after it, in statements of their own: they see
-- all that was committed before. (So an outer transaction must be READ COMMITTED; at a higher
-- level Postgres refuses to lock a row that has changed, and nothing is appended.)
--
-- All items are recorded together, with one statement a table. If something stands against one of
-- them, or if the caller says that they may stand in each other's way (`one_by_one`), none is, and
-- they are looked at and recorded one by one.
--
-- Gives one row per item, in order; crates/eventstore/src/append.rs reads them. `verdict` is
-- `appended`, `duplicate` (`detail` is the stored answer) or `lost` (`detail` says why).
--
-- The settings hold for these statements only: every join in them is a look-up by index, whatever
-- the statistics of a table that was empty a minute ago may say.
CREATE FUNCTION append_events(items append_items, streams append_streams, happened append_rows,
    people append_people, rooms append_rooms, one_by_one boolean, old_clients boolean)
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
            loss := append_loss(items, streams, people, rooms, low);
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
