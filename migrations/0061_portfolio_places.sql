-- Why: WhatsApp lets a business portfolio begin to talk, by template, with so many different clients
-- within 24 hours. Whom its templates were for outlives the process, and of several senders each has
-- to see what the others sent.
-- Query: SendQueue::count_client, SendQueue::uncount_client, SendQueue::forget_counted.

-- A portfolio has as many places as its limit says, each made when it is first needed. A client takes
-- one for 24 hours. The place that was taken first tells whether one is free, however many there are.
CREATE TABLE portfolio_places (
    app text COLLATE "C" NOT NULL,
    place integer NOT NULL CHECK (place > 0),
    client bytea,
    message_id uuid,
    counted_at timestamptz NOT NULL,
    PRIMARY KEY (app, place),
    UNIQUE (app, client)
);
CREATE INDEX portfolio_places_by_time ON portfolio_places (app, counted_at, place);
CREATE INDEX portfolio_places_of_message ON portfolio_places (message_id)
    WHERE message_id IS NOT NULL;

COMMENT ON COLUMN portfolio_places.app IS 'The Meta app whose portfolio it is';
COMMENT ON COLUMN portfolio_places.client IS 'SHA-256 of the address that was sent to: personal data, forgotten some time after the place is free';
COMMENT ON COLUMN portfolio_places.message_id IS 'The message that took the place, while it is the only one that the client is counted for';
COMMENT ON COLUMN portfolio_places.counted_at IS 'The last template; epoch for a place that was given back';

-- Templates that found no place. None of them is overtaken by one that was requested later.
CREATE TABLE portfolio_waiting (
    message_id uuid PRIMARY KEY,
    app text COLLATE "C" NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX portfolio_waiting_in_order ON portfolio_waiting (app, position);

COMMENT ON COLUMN portfolio_waiting.position IS 'As in send_queue: the order of sending';

-- Counts the client of a template. Null: it may go; else when to ask again.
--   of_app     whose portfolio
--   of_message the template, a row of send_queue that is not settled
--   most       the portfolio's limit
--   moment     now
CREATE FUNCTION count_client(of_app text, of_message uuid, most integer, moment timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql AS $$
DECLARE
    -- A minute more: WhatsApp counts from when it took a message, we from when we asked it to.
    a_day CONSTANT interval := '24 hours 1 minute';
    its_position bigint;
    its_address text;
    its_number text;
    its_room uuid;
    its_client bytea;
    made integer;
    ahead bigint;
    taken_at timestamptz;
BEGIN
    SELECT q.position, q.recipient, q.from_number, (q.message ->> 'room_id')::uuid
    INTO its_position, its_address, its_number, its_room
    FROM send_queue q WHERE q.message_id = of_message;
    IF its_address IS NULL THEN
        RETURN NULL; -- it was settled meanwhile
    END IF;
    -- Who wrote to the number within 24 hours is answered, and not counted.
    IF EXISTS (
        SELECT FROM rm_chat_rooms own
        JOIN rm_chat_rooms r ON r.company = own.company AND r.client_id = own.client_id
        WHERE own.room_id = its_room AND r.number = its_number
            AND r.client_wrote_at > moment - interval '24 hours')
    THEN
        DELETE FROM portfolio_waiting w WHERE w.message_id = of_message;
        RETURN NULL;
    END IF;

    PERFORM pg_advisory_xact_lock(hashtext('portfolio'), hashtext(of_app));
    its_client := sha256(convert_to(its_address, 'UTF8'));
    -- Who is counted already is counted from now on.
    UPDATE portfolio_places p SET
        counted_at = greatest(p.counted_at, moment),
        message_id = CASE WHEN p.message_id = of_message THEN of_message END
    WHERE p.app = of_app AND p.client = its_client AND p.counted_at > moment - a_day;
    IF NOT FOUND THEN
        SELECT coalesce(max(p.place), 0) INTO made FROM portfolio_places p WHERE p.app = of_app;
        SELECT count(*) INTO ahead FROM portfolio_waiting w
        JOIN send_queue q ON q.message_id = w.message_id
        WHERE w.app = of_app AND w.position < its_position AND q.state <> 'done';
        -- Places that nobody has had yet are free; else those before it take the oldest ones.
        IF made + ahead >= most THEN
            SELECT p.counted_at INTO taken_at FROM portfolio_places p WHERE p.app = of_app
            ORDER BY p.counted_at, p.place OFFSET made + ahead - most LIMIT 1;
            taken_at := coalesce(taken_at, moment);
            IF taken_at > moment - a_day THEN
                INSERT INTO portfolio_waiting (message_id, app, position)
                VALUES (of_message, of_app, its_position)
                ON CONFLICT (message_id) DO NOTHING; -- it waits already
                RETURN taken_at + a_day;
            END IF;
        END IF;
        -- The place that the client had some other day, else a new one, else the oldest.
        UPDATE portfolio_places p SET message_id = of_message, counted_at = moment
        WHERE p.app = of_app AND p.client = its_client;
        IF NOT FOUND AND made < most THEN
            INSERT INTO portfolio_places (app, place, client, message_id, counted_at)
            VALUES (of_app, made + 1, its_client, of_message, moment);
        ELSIF NOT FOUND THEN
            UPDATE portfolio_places p
            SET client = its_client, message_id = of_message, counted_at = moment
            WHERE p.app = of_app AND p.place = (
                SELECT o.place FROM portfolio_places o WHERE o.app = of_app
                ORDER BY o.counted_at, o.place LIMIT 1);
        END IF;
    END IF;
    DELETE FROM portfolio_waiting w WHERE w.message_id = of_message;
    RETURN NULL;
END
$$;
