-- Why: messages from one number to one client must not overtake each other.
-- For: the condition "nothing older is unsettled" of SendQueue::claim and SendQueue::next_due.
CREATE INDEX send_queue_order ON send_queue (from_number, recipient, position) WHERE state <> 'done';
