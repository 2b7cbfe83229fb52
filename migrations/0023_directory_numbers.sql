-- Why: an official account belongs to one company. The primary key holds that also against
-- mistakes in the program, and nobody has to open the companies' documents to find an owner.
-- For: DirectoryStore::numbers (the gateway's map) and apply (whose number is it?).
CREATE TABLE directory_numbers (
    phone_number_id text PRIMARY KEY,
    company         text NOT NULL,
    app             text NOT NULL
);
COMMENT ON TABLE directory_numbers IS 'The official accounts of the newest version; rewritten by each apply.';
