-- What append_events (0049) does, for a call in which clients say something about templates: that is
-- written (0059) in the same statement, for the items that are recorded. Other calls are made as
-- before, by the programs of the version before as well.
CREATE TYPE append_consents AS (
    item    int[],
    company text[],
    client  uuid[],
    stopped boolean[],
    sent_at timestamptz[]
);

CREATE FUNCTION append_events(items append_items, streams append_streams, happened append_rows,
    people append_people, rooms append_rooms, one_by_one boolean, old_clients boolean,
    consents append_consents)
RETURNS TABLE (verdict text, first_position bigint, last_position bigint, recorded_at timestamptz,
    detail jsonb)
LANGUAGE plpgsql
SET enable_seqscan TO off SET enable_hashjoin TO off SET enable_mergejoin TO off
SET plan_cache_mode TO force_generic_plan SET jit TO off
AS $$
#variable_conflict use_column
DECLARE
    recorded int[] := '{}';
    item int := 0;
    said record;
BEGIN
    -- The lock of log_head comes first, as always: nothing is looked at before.
    FOR verdict, first_position, last_position, recorded_at, detail IN
        SELECT a.verdict, a.first_position, a.last_position, a.recorded_at, a.detail
        FROM append_events(items, streams, happened, people, rooms, one_by_one, old_clients) AS a
    LOOP
        item := item + 1;
        IF verdict = 'appended' THEN
            recorded := recorded || item;
        END IF;
        RETURN NEXT;
    END LOOP;
    -- One after the other: a client may say more than one thing in a call.
    FOR said IN
        SELECT c.company, c.client, c.stopped, c.sent_at
        FROM unnest((consents).item, (consents).company, (consents).client, (consents).stopped,
            (consents).sent_at) AS c (item, company, client, stopped, sent_at)
        WHERE c.item = ANY (recorded)
    LOOP
        INSERT INTO client_consents AS known (company, client_id, stopped, sent_at)
        VALUES (said.company, said.client, said.stopped, said.sent_at)
        ON CONFLICT (company, client_id) DO UPDATE
        SET stopped = excluded.stopped, sent_at = excluded.sent_at
        WHERE (date_trunc('second', excluded.sent_at), excluded.stopped)
            > (date_trunc('second', known.sent_at), known.stopped);
    END LOOP;
END
$$;
