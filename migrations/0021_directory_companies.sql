-- Why: a company has a document in each version in which it changed, and only there, so a
-- company of 100,000 users costs nothing when another one changes.
-- For: DirectoryStore::picture and show (the newest up to a version), versions_of.
CREATE TABLE directory_companies (
    company  text NOT NULL,
    version  bigint NOT NULL REFERENCES directory_versions,
    document json NOT NULL,
    PRIMARY KEY (company, version)
);
COMMENT ON TABLE directory_companies IS 'A company as it is from a version on. Holds names of employees.';
