-- The record: the chains and their events. Nothing here is ever updated but a chain's head.
CREATE TABLE chain (
    incident_id BIGINT PRIMARY KEY,
    seq         BIGINT NOT NULL, -- of the last event
    at_ms       BIGINT NOT NULL, -- of the last event
    hash        TEXT   NOT NULL  -- of the last event, hex
);
CREATE TABLE event (
    id          BIGINT PRIMARY KEY, -- order over all incidents
    incident_id BIGINT NOT NULL,
    seq         BIGINT NOT NULL,
    at_ms       BIGINT NOT NULL,
    actor_kind  BIGINT NOT NULL,
    actor_id    BIGINT NOT NULL,
    actor_name  TEXT   NOT NULL,
    actor_role  BIGINT NOT NULL,
    via         TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    prev_hash   TEXT   NOT NULL,
    hash        TEXT   NOT NULL,
    UNIQUE (incident_id, seq)
);
CREATE INDEX event_by_subject ON event (incident_id, subject, id);

-- Views: made from the events, and made again by verify.
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL -- the highest id in use
);
CREATE TABLE account (
    id       BIGINT PRIMARY KEY,
    login    TEXT   NOT NULL UNIQUE, -- a mail address or a short name, as typed, compared as typed
    name     TEXT   NOT NULL,
    role     BIGINT NOT NULL,
    disabled BIGINT NOT NULL,
    made_ms  BIGINT NOT NULL
);
CREATE TABLE incident (
    id        BIGINT PRIMARY KEY,
    profile   TEXT   NOT NULL,
    title     TEXT   NOT NULL,
    opened_ms BIGINT NOT NULL,
    closed_ms BIGINT -- NULL while it is open
);

-- Secrets: not part of the record, so that no page, export or replay can show them.
CREATE TABLE credential (
    account_id    BIGINT PRIMARY KEY,
    password_hash TEXT NOT NULL -- argon2id, in libsodium's text form
);
