-- Why: how fast a number sends, and to one client of it, WhatsApp counts whoever sends and however
-- often a sender is started anew; and so does what rests after WhatsApp has refused.
-- Queries: SendQueue::claim, SendQueue::rest, SendQueue::forget_paces.
CREATE TABLE send_paces (
    scope       text        COLLATE "C" NOT NULL CHECK (scope IN ('account', 'number', 'pair')),
    name        text        COLLATE "C" NOT NULL,
    client      bytea       NOT NULL DEFAULT '',
    due         timestamptz NOT NULL,
    rests_until timestamptz NOT NULL DEFAULT 'epoch',
    PRIMARY KEY (scope, name, client)
) WITH (fillfactor = 70);

COMMENT ON COLUMN send_paces.name IS 'The app of an account, or the number that sends';
COMMENT ON COLUMN send_paces.client IS 'Of a pair: SHA-256 of the address that is sent to; personal data, forgotten when its turn has passed';
COMMENT ON COLUMN send_paces.due IS 'When the next message would go if all went evenly';
COMMENT ON COLUMN send_paces.rests_until IS 'WhatsApp has refused: nothing goes before';

-- A message that has to wait is given a turn: it comes back once, and counts once.
ALTER TABLE send_queue
    ADD COLUMN turn_at timestamptz,
    ADD COLUMN turn_of_number boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN send_queue.turn_at IS 'When it may go, by the limits of its number and its client';
COMMENT ON COLUMN send_queue.turn_of_number IS 'Whether its number has counted it; else only the pair has';

-- Takes up to `most` messages whose time has come, as long as WhatsApp's limits let them go; the
-- others are put back until they may. Each of both is a row: `goes` tells which.
--   moment                           now
--   lease_end                        until when a message that goes is the caller's
--   number_interval, number_burst    one message of a number in so long, and so many at once
--   pair_interval, pair_burst        the same of a number and one client
--   late                             so long after its turn a message takes a new one: after a rest
--                                    or a standstill all that waited would go at once
--
-- A message is counted for its client first, and for its number only once its client may have it: a
-- client who gets many costs the others of the number nothing. What has expired is to be given up,
-- and not counted.
CREATE FUNCTION claim_messages(moment timestamptz, most bigint, lease_end timestamptz,
    number_interval interval, number_burst integer, pair_interval interval, pair_burst integer,
    late interval)
RETURNS TABLE (goes boolean, message_id uuid, request_id uuid, company text, message jsonb,
    "position" bigint, attempts integer, unresolved boolean, traceparent text, withdrawn text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    one record;
    pace record;
    its_client bytea;
    turn timestamptz;
    of_number boolean;
    pair_due timestamptz;
    number_due timestamptz;
    waits_until timestamptz;
BEGIN
    -- One claim at a time: what one has counted the next one sees.
    PERFORM pg_advisory_xact_lock(hashtext('send_paces'));
    FOR one IN
        SELECT q.message_id, q.from_number, q.recipient, q.expires_at, q.turn_at, q.turn_of_number,
            q.state = 'sending' AS crashed
        FROM send_queue q
        WHERE q.state <> 'done' AND q.next_attempt_at <= moment
            AND NOT EXISTS (
                SELECT FROM send_queue older
                WHERE older.state <> 'done' AND older.from_number = q.from_number
                    AND older.recipient = q.recipient AND older.position < q.position)
        ORDER BY q.next_attempt_at, q.position
        LIMIT most
        FOR UPDATE OF q SKIP LOCKED
    LOOP
        waits_until := NULL;
        turn := NULL;
        of_number := false;
        IF one.expires_at > moment THEN
            its_client := sha256(convert_to(one.recipient, 'UTF8'));
            SELECT coalesce(number.due, moment) AS number_due, coalesce(pair.due, moment) AS pair_due,
                greatest(account.rests_until, number.rests_until, pair.rests_until) AS rests_until
            INTO pace
            FROM (SELECT) AS always
            LEFT JOIN send_paces number ON number.scope = 'number'
                AND number.name = one.from_number AND number.client = ''
            LEFT JOIN send_paces pair ON pair.scope = 'pair'
                AND pair.name = one.from_number AND pair.client = its_client
            LEFT JOIN send_paces account ON account.scope = 'account' AND account.client = ''
                AND account.name = (
                    SELECT d.app FROM directory_numbers d WHERE d.phone_number_id = one.from_number);
            IF NOT one.crashed AND moment - one.turn_at < late THEN
                turn := one.turn_at;
                of_number := one.turn_of_number;
            END IF;
            IF pace.rests_until > moment THEN
                waits_until := pace.rests_until;
                turn := NULL;
            ELSE
                pair_due := NULL;
                number_due := NULL;
                IF turn IS NULL THEN
                    turn := greatest(moment, pace.pair_due - pair_interval * (pair_burst - 1));
                    pair_due := greatest(pace.pair_due, turn) + pair_interval;
                    of_number := false;
                END IF;
                IF turn <= moment AND NOT of_number THEN
                    turn := greatest(moment, pace.number_due - number_interval * (number_burst - 1));
                    number_due := greatest(pace.number_due, turn) + number_interval;
                    of_number := true;
                END IF;
                INSERT INTO send_paces (scope, name, client, due)
                SELECT counted.scope, one.from_number, counted.client, counted.due
                FROM (VALUES ('pair', its_client, pair_due), ('number', '', number_due))
                    AS counted (scope, client, due)
                WHERE counted.due IS NOT NULL
                ON CONFLICT (scope, name, client) DO UPDATE SET due = excluded.due;
                waits_until := CASE WHEN turn > moment THEN turn END;
            END IF;
        END IF;
        goes := waits_until IS NULL;
        IF goes THEN
            RETURN QUERY
                UPDATE send_queue q SET
                    state = 'sending',
                    attempts = q.attempts + 1,
                    unresolved = q.unresolved OR one.crashed,
                    attempt_started_at = moment,
                    next_attempt_at = lease_end,
                    turn_at = turn,
                    turn_of_number = of_number,
                    updated_at = moment
                WHERE q.message_id = one.message_id
                RETURNING true, q.message_id, q.request_id, q.company, q.message, q.position,
                    q.attempts, q.unresolved, q.traceparent, why_withdrawn(q.company, q.message);
        ELSE
            RETURN QUERY
                UPDATE send_queue q SET
                    state = 'waiting',
                    unresolved = q.unresolved OR one.crashed,
                    next_attempt_at = least(waits_until, q.expires_at),
                    turn_at = turn,
                    turn_of_number = of_number,
                    updated_at = moment
                WHERE q.message_id = one.message_id
                RETURNING false, q.message_id, q.request_id, q.company, NULL::jsonb, q.position,
                    q.attempts, q.unresolved, q.traceparent, NULL;
        END IF;
    END LOOP;
END
$$;
