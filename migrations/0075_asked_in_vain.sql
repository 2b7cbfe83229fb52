-- Why: how often a client asked in vain within an hour (replies, wrong extensions) decides whether it
-- is answered. A worker that takes over a lane has to know it, and so has a dry run.
-- Query: EventStore::look_up, by the key of each client that a message leads to.
CREATE TABLE asked_in_vain (
    company         text        COLLATE "C" NOT NULL,
    client_id       uuid        NOT NULL,
    request_id      uuid        NOT NULL,
    at              timestamptz NOT NULL,
    replied         boolean     NOT NULL,
    wrong_extension text        COLLATE "C",
    PRIMARY KEY (company, client_id, request_id)
);
CREATE INDEX asked_in_vain_by_age ON asked_in_vain (company, at);

COMMENT ON TABLE asked_in_vain IS 'Of the last hour; older rows go when newer ones come';
COMMENT ON COLUMN asked_in_vain.wrong_extension IS 'A digest: two of a client are the same or not';

-- append_rare (0069), which also writes what a client asked in vain. Each time what the same client
-- asked more than an hour before goes, and a few such rows of others: so the table stays as small as
-- an hour, and nobody has to come and clean it.
CREATE OR REPLACE FUNCTION append_rare(rare jsonb, low int, high int, base bigint) RETURNS void
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    an_hour CONSTANT interval := '1 hour';
    fact jsonb;
    asked jsonb;
BEGIN
    IF rare IS NULL THEN
        RETURN;
    END IF;
    FOR fact IN SELECT * FROM jsonb_array_elements(rare) LOOP
        CONTINUE WHEN (fact->>'item')::int NOT BETWEEN low AND high;
        IF fact ? 'asked_in_vain' THEN
            asked := fact->'asked_in_vain';
            INSERT INTO asked_in_vain (company, client_id, request_id, at, replied, wrong_extension)
            VALUES (fact->>'company', (asked->>'client')::uuid, (asked->>'request_id')::uuid,
                (asked->>'at')::timestamptz, (asked->>'replied')::boolean,
                asked->>'wrong_extension');
            DELETE FROM asked_in_vain
            WHERE company = fact->>'company' AND client_id = (asked->>'client')::uuid
                AND at < (asked->>'at')::timestamptz - an_hour;
            DELETE FROM asked_in_vain a
            USING (
                SELECT client_id, request_id FROM asked_in_vain
                WHERE company = fact->>'company' AND at < (asked->>'at')::timestamptz - an_hour
                ORDER BY at LIMIT 2) AS old
            WHERE a.company = fact->>'company' AND a.client_id = old.client_id
                AND a.request_id = old.request_id;
        ELSIF fact ? 'linked' THEN
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
                AND is_one_client(fact->>'company', l.client_id,
                    (fact->'taken_over'->>'client')::uuid);
        ELSIF fact ? 'said' THEN
            INSERT INTO client_consents AS known (company, client_id, stopped, sent_at)
            VALUES (fact->>'company', (fact->'said'->>'client')::uuid,
                (fact->'said'->>'stopped')::boolean, (fact->'said'->>'sent_at')::timestamptz)
            ON CONFLICT (company, client_id) DO UPDATE
            SET stopped = excluded.stopped, sent_at = excluded.sent_at
            WHERE (date_trunc('second', excluded.sent_at), excluded.stopped)
                > (date_trunc('second', known.sent_at), known.stopped);
        ELSIF fact ? 'reassigned' THEN
            UPDATE rooms SET user_id = fact->'reassigned'->>'user'
            WHERE room_id = (fact->'reassigned'->>'room')::uuid;
        ELSE
            RAISE EXCEPTION 'append_rare does not know %', fact;
        END IF;
    END LOOP;
END
$$;
