-- Why: nobody calls it since append_range (0053) computes the chain itself; the form that the checker
-- (crates/eventstore/src/digest.rs) agrees with is the one there.
DROP FUNCTION next_digest(bytea, bigint, timestamptz, bytea);
