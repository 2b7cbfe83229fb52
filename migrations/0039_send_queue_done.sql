-- Why: settled rows are swept away after a while.
-- For: SendQueue::prune.
CREATE INDEX send_queue_done ON send_queue (updated_at) WHERE state = 'done';
