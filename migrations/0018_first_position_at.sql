-- The position of the first event recorded at or after a moment; one past the last event if
-- there is none. Positions have no holes and times never fall, so a search by halves over the
-- index on position answers it: no index on time to keep up with every append.
-- Queries: a replay by time, "the log as of".
CREATE FUNCTION first_position_at(moment timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 1;
    high bigint := (SELECT coalesce(max(position), 0) + 1 FROM events);
    middle bigint;
BEGIN
    WHILE low < high LOOP
        middle := (low + high) / 2;
        IF (SELECT recorded_at FROM events WHERE position = middle) >= moment THEN
            high := middle;
        ELSE
            low := middle + 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$;
