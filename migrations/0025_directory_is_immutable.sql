-- Why: decisions name the version that they were made with; a version that could be changed
-- afterwards would explain nothing.
-- For: auditors; refuses what DirectoryStore never does.
CREATE FUNCTION directory_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'versions of the directory are never changed or removed (% on %)', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER directory_versions_are_immutable
    BEFORE UPDATE OR DELETE OR TRUNCATE ON directory_versions
    FOR EACH STATEMENT EXECUTE FUNCTION directory_refuse_change();

CREATE TRIGGER directory_companies_are_immutable
    BEFORE UPDATE OR DELETE OR TRUNCATE ON directory_companies
    FOR EACH STATEMENT EXECUTE FUNCTION directory_refuse_change();
