-- Why: only `onboarding check` asked by these, and it can ask by the primary keys; an index that is
-- kept up for every onboarding is too dear for that.
DROP INDEX identifiers_of_profile;
DROP INDEX rooms_of_profile;
DROP INDEX rooms_of_request;
DROP INDEX references_of_request;
