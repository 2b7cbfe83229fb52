-- Which profiles a decision about a client has to look at. Several profiles may hold the same
-- identifier (phone numbers may be duplicated across profiles).
-- Queries: profiles by identifier, by client; the holder of a phone number.
CREATE TABLE profiles (
    profile_id       uuid   PRIMARY KEY,
    company          text   NOT NULL,
    client_id        uuid   NOT NULL,
    created_position bigint NOT NULL
);

CREATE INDEX profiles_of_client ON profiles (company, client_id);

CREATE TABLE profile_identifiers (
    company    text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('bsuid', 'wa_id', 'phone')),
    value      text NOT NULL,
    profile_id uuid NOT NULL,
    PRIMARY KEY (company, kind, value, profile_id)
);

CREATE INDEX identifiers_of_profile ON profile_identifiers (profile_id);
