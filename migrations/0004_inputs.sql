-- Every input that was decided, with its answer: a second arrival is recognised here, and an
-- operator who asks again gets the stored answer.
-- Positions are null for an input that led to no event.
CREATE TABLE inputs (
    company        text        NOT NULL,
    input_id       uuid        NOT NULL,
    first_position bigint,
    last_position  bigint,
    answer         json,
    decided_at     timestamptz NOT NULL,
    PRIMARY KEY (company, input_id),
    CHECK ((first_position IS NULL) = (last_position IS NULL))
);
