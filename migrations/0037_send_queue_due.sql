-- Why: claims take what is due, in order.
-- For: SendQueue::claim, SendQueue::next_due.
CREATE INDEX send_queue_due ON send_queue (next_attempt_at, position) WHERE state <> 'done';
