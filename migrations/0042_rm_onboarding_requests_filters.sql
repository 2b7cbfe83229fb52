-- Why: dashboards list a company's requests, newest first, over any span of time;
-- those under way are the rows whose outcome is null.
-- For: queries::onboarding_requests, one index for each filter.
CREATE INDEX rm_onboarding_requests_by_time ON rm_onboarding_requests (company, received_at, request_id);
CREATE INDEX rm_onboarding_requests_by_outcome ON rm_onboarding_requests (company, outcome, received_at, request_id);
CREATE INDEX rm_onboarding_requests_by_user ON rm_onboarding_requests (company, user_id, received_at, request_id);
CREATE INDEX rm_onboarding_requests_by_client ON rm_onboarding_requests (company, client_id, received_at, request_id);
