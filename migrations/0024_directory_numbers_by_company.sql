-- Why: an apply replaces the official accounts of the companies that it changes.
-- For: DirectoryStore::apply.
CREATE INDEX directory_numbers_by_company ON directory_numbers (company);
