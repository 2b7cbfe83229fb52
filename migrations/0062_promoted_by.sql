-- Why: who looks after prospects has to see which of them were promoted already, and by which request.
-- Query: queries::onboarding_requests, with the filter `promoted`. It walks
-- rm_onboarding_requests_by_outcome: prospects are promoted by hand, those that it passes over are few.
--
-- What was promoted before shows it once the view is rebuilt: `onboarding rebuild onboarding-requests`.
ALTER TABLE rm_onboarding_requests ADD COLUMN promoted_by uuid;

COMMENT ON COLUMN rm_onboarding_requests.promoted_by IS 'Of a prospect: the request that its promotion made; of several the last';
