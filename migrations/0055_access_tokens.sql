-- Why: who may call the API, for which company and as what. Of a token's secret only its SHA-256 is
-- kept: it has 256 random bits, so nobody finds it from that. Rows stay when a token is revoked, so
-- that it can be told later who could do what, and who had allowed it.
-- Query: AccessTokens::verify (by id), AccessTokens::of_company.
CREATE TABLE access_tokens (
    id uuid PRIMARY KEY,
    company text COLLATE "C" NOT NULL,
    name text NOT NULL,
    role text COLLATE "C" NOT NULL
        CHECK (role IN ('admin', 'operator', 'auditor', 'dashboard', 'am-user')),
    user_id text COLLATE "C",
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    CHECK ((role = 'am-user') = (user_id IS NOT NULL)),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX access_tokens_of_company ON access_tokens (company, created_at, id);
