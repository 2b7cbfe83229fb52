-- Roles of Postgres: each process gets what its part of the work needs, and no more.
--
--   psql "$OWNER_URL" -v ON_ERROR_STOP=1 -1 -f deploy/postgres-roles.sql
--
-- Run it after every `onboarding migrate`, as the role that migrates: it owns the tables. It may make
-- roles (CREATEROLE), or somebody who may has made them before. A second time changes nothing, and
-- grants that are not in here any more are taken back. No password is in here: give each role one
-- with \password, or a client certificate.
--
-- The role that migrates belongs to no process. It is the only one that could change an event, and
-- the trigger of the table refuses it even that (migrations/0002_events_are_final.sql).
--
-- The tables are in the schema public. A gateway needs no Postgres and has no role.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['onboarding_engine', 'onboarding_relay', 'onboarding_projector',
        'onboarding_sender', 'onboarding_api', 'onboarding_auditor', 'onboarding_operator',
        'onboarding_service']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', wanted);
        END IF;
    END LOOP;
END
$$;

-- Nothing is allowed but what follows: also not what Postgres gives to everybody, to call functions
-- above all. What later migrations make is closed until this file is run again.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, onboarding_engine, onboarding_relay,
    onboarding_projector, onboarding_sender, onboarding_api, onboarding_auditor,
    onboarding_operator, onboarding_service;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, onboarding_engine, onboarding_relay,
    onboarding_projector, onboarding_sender, onboarding_api, onboarding_auditor,
    onboarding_operator, onboarding_service;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO onboarding_engine, onboarding_relay, onboarding_projector,
    onboarding_sender, onboarding_api, onboarding_auditor, onboarding_operator, onboarding_service;

-- Every process looks at its start whether the tables are those of its program.
GRANT SELECT ON _sqlx_migrations TO onboarding_engine, onboarding_relay, onboarding_projector,
    onboarding_sender, onboarding_api;

-- The log is written by one function, which keeps positions without holes and digests chained. It
-- works with the rights of its owner; whoever may call it has none on what it writes, so that no
-- event gets in another way. Its names are looked up in this schema, whatever the caller's path is.
-- Every form of it that there is: programs of the version before go on with theirs.
DO $$
DECLARE
    form regprocedure;
BEGIN
    FOR form IN
        SELECT oid FROM pg_proc
        WHERE proname = 'append_events' AND pronamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = public, pg_temp', form);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO onboarding_engine', form);
    END LOOP;
END
$$;

------------------------------------------------------------------------------------------------
-- The engine decides, on what is in the log and what is looked up beside it.
GRANT SELECT ON events, log_head, inputs, lanes, clients, client_identifiers, left_identifiers,
    client_links, client_consents, asked_in_vain, profiles, profile_identifiers, rooms,
    message_references
    TO onboarding_engine;
GRANT EXECUTE ON FUNCTION linked_client(text, uuid), is_one_client(text, uuid, uuid),
    is_profile_of(text, uuid, uuid) TO onboarding_engine;
GRANT SELECT, INSERT, UPDATE ON snapshots, room_reviews TO onboarding_engine;
GRANT SELECT, INSERT, DELETE ON early_statuses TO onboarding_engine;
-- It keeps what WhatsApp posted: adds to it, changes nothing.
GRANT SELECT, INSERT ON evidence_pieces, evidence_arrivals TO onboarding_engine;
-- Parked inputs go once they are back in their lanes; who wanted that stays.
-- Of their rows it changes whose they are, once the directory has the number. (The id is generated and
-- can't be changed: Postgres lets nobody lock a row who could change nothing of it.)
GRANT SELECT, INSERT, DELETE ON parked_inputs TO onboarding_engine;
GRANT UPDATE (id, company) ON parked_inputs TO onboarding_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON parked_retries TO onboarding_engine;
GRANT SELECT, INSERT ON parked_outcomes TO onboarding_engine;
-- Operators' commands make versions of the directory. UPDATE, because Postgres lets nobody lock a
-- table against other writers who could not change it; a trigger refuses every change
-- (migrations/0025_directory_is_immutable.sql).
GRANT SELECT, INSERT, UPDATE ON directory_versions TO onboarding_engine;
GRANT SELECT, INSERT ON directory_companies TO onboarding_engine;
GRANT SELECT, INSERT, DELETE ON directory_numbers TO onboarding_engine;

------------------------------------------------------------------------------------------------
-- The relay reads the log and publishes it. It measures how far every stage is behind.
GRANT SELECT ON events, log_head, rm_checkpoints TO onboarding_relay;

------------------------------------------------------------------------------------------------
-- The projector makes the read models of the log. (The lag that it measures needs the same.)
GRANT SELECT ON events, log_head TO onboarding_projector;
GRANT SELECT, INSERT, UPDATE ON rm_checkpoints, rm_chat_rooms, rm_reminders, rm_reminder_rooms,
    rm_onboarding_requests, rm_outbound_messages TO onboarding_projector;

------------------------------------------------------------------------------------------------
-- The sender's queue follows the log; whether and when a message may go depends on the client, its
-- room and its profiles, and whose token sends it on the directory.
GRANT SELECT ON events, log_head, inputs, directory_numbers, rm_chat_rooms, rooms, profiles,
    client_links, client_consents, left_identifiers TO onboarding_sender;
GRANT SELECT, INSERT, UPDATE ON rm_checkpoints TO onboarding_sender;
GRANT SELECT, INSERT, UPDATE, DELETE ON send_queue, send_paces, portfolio_places, portfolio_waiting
    TO onboarding_sender;
GRANT EXECUTE ON FUNCTION count_client(text, uuid, integer, timestamptz),
    claim_messages(timestamptz, bigint, timestamptz, interval, integer, interval, integer, interval),
    why_withdrawn(text, jsonb) TO onboarding_sender;

------------------------------------------------------------------------------------------------
-- The API only reads: the read models, the directory, tokens, parked inputs, the log; and for a dry
-- run what the engine decides on.
GRANT SELECT ON rm_checkpoints, rm_chat_rooms, rm_reminders, rm_reminder_rooms,
    rm_onboarding_requests, rm_outbound_messages, access_tokens, directory_versions,
    directory_companies, directory_numbers, parked_inputs, parked_retries, parked_outcomes, events,
    log_head, inputs, lanes, clients, client_identifiers, left_identifiers, client_links,
    client_consents, asked_in_vain, early_statuses, profiles, profile_identifiers, rooms,
    message_references, snapshots TO onboarding_api;
GRANT EXECUTE ON FUNCTION linked_client(text, uuid), is_one_client(text, uuid, uuid),
    is_profile_of(text, uuid, uuid), first_position_at(timestamptz)
    TO onboarding_api;

------------------------------------------------------------------------------------------------
-- All roles in one process: what they have, together.
GRANT onboarding_engine, onboarding_relay, onboarding_projector, onboarding_sender, onboarding_api
    TO onboarding_service;

------------------------------------------------------------------------------------------------
-- An auditor reads everything but tokens: `onboarding check`, `replay`, `doctor`, `directory show`,
-- `directory versions`, `parked list` and `parked show`. Temporary tables, which `check` makes,
-- everybody may have.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO onboarding_auditor;
REVOKE ALL ON access_tokens FROM onboarding_auditor;
GRANT EXECUTE ON FUNCTION linked_client(text, uuid), is_one_client(text, uuid, uuid),
    is_profile_of(text, uuid, uuid), first_position_at(timestamptz)
    TO onboarding_auditor;

-- Whoever runs the service, besides: `directory apply`, `token`, `parked retry`, `parked drop`,
-- `rebuild`.
GRANT onboarding_auditor TO onboarding_operator;
GRANT INSERT, UPDATE ON directory_versions TO onboarding_operator; -- UPDATE as for the engine
GRANT INSERT ON directory_companies TO onboarding_operator;
GRANT INSERT, DELETE ON directory_numbers TO onboarding_operator;
GRANT SELECT, INSERT ON access_tokens TO onboarding_operator;
GRANT UPDATE (revoked_at, revoked_by) ON access_tokens TO onboarding_operator;
GRANT DELETE ON parked_inputs TO onboarding_operator;
GRANT UPDATE (id) ON parked_inputs TO onboarding_operator; -- as for the engine
GRANT INSERT ON parked_outcomes TO onboarding_operator;
GRANT INSERT, UPDATE, DELETE ON parked_retries TO onboarding_operator;
GRANT INSERT, UPDATE, DELETE ON rm_checkpoints, rm_chat_rooms, rm_reminders, rm_reminder_rooms,
    rm_onboarding_requests, rm_outbound_messages TO onboarding_operator;

------------------------------------------------------------------------------------------------
-- How far a view is, whoever makes it says: the sender its queue, the projector the others.
ALTER TABLE rm_checkpoints ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS everybody_reads ON rm_checkpoints;
DROP POLICY IF EXISTS of_the_projector ON rm_checkpoints;
DROP POLICY IF EXISTS of_the_sender ON rm_checkpoints;
DROP POLICY IF EXISTS of_the_operator ON rm_checkpoints;
CREATE POLICY everybody_reads ON rm_checkpoints FOR SELECT USING (true);
CREATE POLICY of_the_projector ON rm_checkpoints TO onboarding_projector
    USING (view <> 'send-queue') WITH CHECK (view <> 'send-queue');
CREATE POLICY of_the_sender ON rm_checkpoints TO onboarding_sender
    USING (view = 'send-queue') WITH CHECK (view = 'send-queue');
CREATE POLICY of_the_operator ON rm_checkpoints TO onboarding_operator USING (true);
