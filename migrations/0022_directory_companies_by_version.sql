-- Why: every engine asks again and again whether there is a newer version; this makes the
-- usual answer, no, one look into an index.
-- For: DirectoryStore::changed_after, versions.
CREATE INDEX directory_companies_by_version ON directory_companies (version, company);
