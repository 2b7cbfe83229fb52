-- Why: all events of an input belong to the same request or operation, so it is told once for the
-- input and not once for each event: one entry of an index instead of six for an onboarding.
-- Query: EventStore::events_by_correlation.
ALTER TABLE inputs ADD COLUMN correlation_id uuid;
UPDATE inputs i SET correlation_id = e.correlation_id FROM events e WHERE e.position = i.first_position;
CREATE INDEX inputs_of_correlation ON inputs (correlation_id) WHERE correlation_id IS NOT NULL;
DROP INDEX events_of_correlation;
