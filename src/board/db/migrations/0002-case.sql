-- What an incident consists of. Tables are one of three: VIEW (made from the events by apply, and made
-- again by verify), BULK (append-only, named by an event with count and digest), or WORK (neither: may be
-- lost without losing anything said; sessions, uploads, jobs). Texts are '' where nothing is known;
-- NULL stands only where it has a meaning of its own.

-- VIEW: the files of the profile as this incident uses it, so that a replay needs nothing but the record.
CREATE TABLE incident_profile (
    incident_id BIGINT NOT NULL,
    file        TEXT   NOT NULL, -- "cves.tsv", …
    content     TEXT   NOT NULL,
    PRIMARY KEY (incident_id, file)
);

-- VIEW: rows of the ledger (台帳). Values are kept as norm_text leaves them.
CREATE TABLE asset (
    id           BIGINT PRIMARY KEY,
    incident_id  BIGINT NOT NULL,
    number       TEXT   NOT NULL, -- the company's own, from the file or typed ("INT-014")
    name         TEXT   NOT NULL,
    category     TEXT   NOT NULL, -- external, internal, saas, client, ''
    owner        TEXT   NOT NULL,
    owner_mail   TEXT   NOT NULL, -- lower case
    department   TEXT   NOT NULL,
    vendor       TEXT   NOT NULL,
    product      TEXT   NOT NULL,
    version      TEXT   NOT NULL,
    exposed      BIGINT NOT NULL, -- 0 unknown, 1 reachable from the internet, 2 not
    hosts        TEXT   NOT NULL, -- one a line, as written
    users        TEXT   NOT NULL,
    shared_with  TEXT   NOT NULL,
    criticality  TEXT   NOT NULL,
    notes        TEXT   NOT NULL,
    renewed_on   TEXT   NOT NULL, -- 2021-11-30, 2021-11 or ''
    free         TEXT   NOT NULL, -- JSON: [[header, value], …] of columns kept as they are
    match_key    TEXT   NOT NULL, -- ledger_row_key: name and product however spelt
    search       TEXT   NOT NULL, -- folded text of every field; what the search box looks into
    retired      BIGINT NOT NULL, -- 0, 1
    asked_ms     BIGINT NOT NULL, -- when its owner was asked; 0: not
    due_ms       BIGINT NOT NULL, -- when an answer is due; 0: no date
    state        TEXT   NOT NULL, -- derived: worst over its CVEs (case/state.h)
    certainty    TEXT   NOT NULL, -- derived: confirmed, likely, claimed, none
    flags        BIGINT NOT NULL, -- derived: 1 sources disagree, 2 reopened, 4 proposals wait
    made_ms      BIGINT NOT NULL,
    changed_ms   BIGINT NOT NULL, -- anything about it, answers too
    row_version  BIGINT NOT NULL, -- event id of the last change to the ledger's own fields: the lock of editing
    import_id    BIGINT NOT NULL, -- the import that last named it; 0: typed in
    import_row   BIGINT NOT NULL  -- its row in that file
);
CREATE INDEX asset_by_state ON asset (incident_id, category, state, certainty, retired, flags, due_ms); -- counts read only this
-- Orders of the ledger, in the very words of case/ledger_query.c.
CREATE INDEX asset_by_rank ON asset (incident_id, (CASE state WHEN 'affected' THEN 0 WHEN 'suspended' THEN 1 WHEN 'mitigated' THEN 2 WHEN 'investigating' THEN 3 WHEN 'waiting_vendor' THEN 4 WHEN 'asked' THEN 5 WHEN 'not_asked' THEN 6 WHEN 'not_affected' THEN 7 WHEN 'fixed' THEN 8 ELSE 9 END), id);
CREATE INDEX asset_by_sureness ON asset (incident_id, (CASE certainty WHEN 'confirmed' THEN 0 WHEN 'likely' THEN 1 WHEN 'claimed' THEN 2 ELSE 3 END), id);
CREATE INDEX asset_by_number ON asset (incident_id, (CASE WHEN number = '' THEN 1 ELSE 0 END), number, id);
CREATE INDEX asset_by_vendor ON asset (incident_id, (CASE WHEN vendor = '' THEN 1 ELSE 0 END), vendor, id);
CREATE INDEX asset_by_owner ON asset (incident_id, (CASE WHEN owner = '' THEN 1 ELSE 0 END), owner, id);
CREATE INDEX asset_by_due ON asset (incident_id, (CASE WHEN due_ms = 0 THEN 1 ELSE 0 END), due_ms, id);
CREATE INDEX asset_by_change ON asset (incident_id, changed_ms, id);
CREATE INDEX asset_by_name ON asset (incident_id, name, id);
CREATE INDEX asset_by_mail ON asset (incident_id, owner_mail);

-- VIEW: the hosts of a row, lower case, one each. short is the name up to its first dot ('' for an address).
CREATE TABLE asset_host (
    asset_id    BIGINT NOT NULL,
    host        TEXT   NOT NULL,
    short       TEXT   NOT NULL,
    incident_id BIGINT NOT NULL,
    PRIMARY KEY (asset_id, host)
);
CREATE INDEX asset_host_by_host ON asset_host (incident_id, host);
CREATE INDEX asset_host_by_short ON asset_host (incident_id, short);

-- VIEW: accounts that own a row beside the one whose login is its owner_mail.
CREATE TABLE asset_owner (
    asset_id   BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    PRIMARY KEY (asset_id, account_id)
);
CREATE INDEX asset_owner_by_account ON asset_owner (account_id);

-- VIEW: which events belong to the history of a row; events of many rows (imports, scans) stand for each.
CREATE TABLE asset_event (
    asset_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    PRIMARY KEY (asset_id, event_id)
);

-- VIEW: imports that were carried out.
CREATE TABLE import (
    id          BIGINT PRIMARY KEY,
    incident_id BIGINT NOT NULL,
    file        TEXT   NOT NULL, -- the file's name as uploaded: a label, never a path
    sheet       TEXT   NOT NULL,
    mapping     TEXT   NOT NULL, -- mapping_add_json: what the next file starts from
    rows        BIGINT NOT NULL,
    added       BIGINT NOT NULL,
    changed     BIGINT NOT NULL,
    same        BIGINT NOT NULL,
    missing     BIGINT NOT NULL, -- rows of the ledger that the file does not have; they stay
    sha256      TEXT   NOT NULL, -- of the file
    at_ms       BIGINT NOT NULL
);
-- BULK: every row of an import as it was read, and what became of it.
CREATE TABLE import_row (
    import_id   BIGINT NOT NULL,
    row         BIGINT NOT NULL,
    asset_id    BIGINT NOT NULL,
    action      TEXT   NOT NULL, -- add, change, same
    number      TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    category    TEXT   NOT NULL,
    owner       TEXT   NOT NULL,
    owner_mail  TEXT   NOT NULL,
    department  TEXT   NOT NULL,
    vendor      TEXT   NOT NULL,
    product     TEXT   NOT NULL,
    version     TEXT   NOT NULL,
    exposed     BIGINT NOT NULL,
    hosts       TEXT   NOT NULL,
    users       TEXT   NOT NULL,
    shared_with TEXT   NOT NULL,
    criticality TEXT   NOT NULL,
    notes       TEXT   NOT NULL,
    renewed_on  TEXT   NOT NULL,
    free        TEXT   NOT NULL,
    match_key   TEXT   NOT NULL, -- these two only of what is added or changed
    search      TEXT   NOT NULL,
    was         TEXT   NOT NULL, -- JSON {field: value before} of what it changes; '' for others
    source      TEXT   NOT NULL, -- JSON {field: value} as the file has it, where the board's own edit was kept over it; ''
    PRIMARY KEY (import_id, row)
);
CREATE INDEX import_row_by_asset ON import_row (asset_id, import_id);
-- VIEW: hosts that hand in what they found (incident 0). Their tokens are in host_token.
CREATE TABLE host (
    id       BIGINT PRIMARY KEY,
    name     TEXT   NOT NULL UNIQUE, -- lower case
    disabled BIGINT NOT NULL,
    made_ms  BIGINT NOT NULL
);
-- Secrets: see credential. Only the hash of the token is kept.
CREATE TABLE host_token (
    host_id    BIGINT PRIMARY KEY,
    token_hash TEXT NOT NULL -- SHA-256, hex; tokens are random, so a slow hash adds nothing
);
CREATE INDEX host_token_by_hash ON host_token (token_hash);

-- VIEW: scans that were handed in.
CREATE TABLE scan (
    id               BIGINT PRIMARY KEY,
    incident_id      BIGINT NOT NULL,
    host             TEXT   NOT NULL, -- as the summary or the token names it, lower case
    short            TEXT   NOT NULL,
    started_ms       BIGINT NOT NULL, -- the host's clock
    ended_ms         BIGINT NOT NULL,
    received_ms      BIGINT NOT NULL, -- ours
    tool             TEXT   NOT NULL,
    profile          TEXT   NOT NULL,
    profile_revision BIGINT NOT NULL,
    paths            TEXT   NOT NULL, -- JSON array
    whole_host       BIGINT NOT NULL, -- 1: the paths cover the host
    files            BIGINT NOT NULL,
    archives         BIGINT NOT NULL,
    bytes            BIGINT NOT NULL,
    findings         BIGINT NOT NULL,
    affected         BIGINT NOT NULL, -- findings with at least one CVE affected
    incomplete       BIGINT NOT NULL, -- places that were not fully examined
    sha256           TEXT   NOT NULL, -- of what was handed in: the same again is the same scan
    -- what its findings come to, so that a row's proposals need not read them again:
    latest           BIGINT NOT NULL, -- 1: no newer scan of this host
    found            BIGINT NOT NULL, -- findings of a component that the scan's question is about
    versions         TEXT   NOT NULL, -- theirs: "2.14.1, 2.17.1"
    cves             TEXT   NOT NULL, -- JSON {id: worst state} over all findings
    places           TEXT   NOT NULL  -- the worst findings, a line each
);
CREATE INDEX scan_by_host ON scan (incident_id, host, id);
CREATE INDEX scan_by_short ON scan (incident_id, short);
CREATE UNIQUE INDEX scan_by_digest ON scan (incident_id, host, sha256);
-- BULK
CREATE TABLE finding (
    scan_id      BIGINT NOT NULL,
    n            BIGINT NOT NULL, -- 1, 2, 3 … within the scan
    path         TEXT   NOT NULL,
    component    TEXT   NOT NULL,
    version      TEXT   NOT NULL,
    version_from TEXT   NOT NULL,
    worst        TEXT   NOT NULL, -- the worst of its CVE states
    cves         TEXT   NOT NULL, -- JSON {id: state}
    evidence     TEXT   NOT NULL, -- JSON array of sentences
    PRIMARY KEY (scan_id, n)
);
-- BULK: places that were not fully examined, with the reason.
CREATE TABLE scan_gap (
    scan_id BIGINT NOT NULL,
    n       BIGINT NOT NULL,
    path    TEXT   NOT NULL,
    reason  TEXT   NOT NULL,
    PRIMARY KEY (scan_id, n)
);

-- BULK: files that people attach to evidence; the event carries the digest.
CREATE TABLE attachment (
    id          BIGINT PRIMARY KEY,
    incident_id BIGINT NOT NULL,
    name        TEXT   NOT NULL, -- a label, never a path
    size        BIGINT NOT NULL,
    sha256      TEXT   NOT NULL,
    content     BYTEA  NOT NULL
);

-- VIEW: what somebody or something said of a row. Never changed but for the fate of a proposal.
CREATE TABLE evidence (
    id            BIGINT PRIMARY KEY,
    incident_id   BIGINT NOT NULL,
    asset_id      BIGINT NOT NULL,
    question      TEXT   NOT NULL, -- id in the profile's questions
    cve           TEXT   NOT NULL, -- of a question that is asked per CVE; else ''
    kind          TEXT   NOT NULL, -- person, scan (later: vendor, hunt)
    option        TEXT   NOT NULL, -- the answer it gives: an option's id
    detail        TEXT   NOT NULL, -- the version, where the option has one
    cves          TEXT   NOT NULL, -- scan: JSON {id: state}, worst over its findings; else ''
    source        TEXT   NOT NULL, -- who or what says so: a person's name, a host
    source_key    TEXT   NOT NULL, -- the same for the same source, whatever it is called: "account:3", "host:wms-app01", "hosts"
    quote         TEXT   NOT NULL, -- their words, or what was found
    link          TEXT   NOT NULL,
    attachment_id BIGINT NOT NULL, -- 0: none
    scan_id       BIGINT NOT NULL, -- 0: none
    partial       BIGINT NOT NULL, -- 1: what it rests on was not fully examined
    status        TEXT   NOT NULL, -- stated (counts), proposed (waits for a person), confirmed (counts),
                                   -- refused, superseded (a newer one of the same source took its place)
    decided_by    TEXT   NOT NULL, -- who confirmed or refused it
    decided_ms    BIGINT NOT NULL,
    said_ms       BIGINT NOT NULL, -- when it was said or found
    read_ms       BIGINT NOT NULL, -- when it came to the board
    event_id      BIGINT NOT NULL
);
CREATE INDEX evidence_by_asset ON evidence (asset_id, question, cve, id);
CREATE INDEX evidence_waiting ON evidence (incident_id, status, id);
CREATE INDEX evidence_by_scan ON evidence (scan_id);

-- VIEW: the answer to one question about one row, and the rule it follows from.
CREATE TABLE answer (
    asset_id   BIGINT NOT NULL,
    question   TEXT   NOT NULL,
    cve        TEXT   NOT NULL,
    option     TEXT   NOT NULL,
    detail     TEXT   NOT NULL,
    certainty  TEXT   NOT NULL,
    rule       TEXT   NOT NULL, -- decided, agree, finding, statement, claim (case/state.h)
    decided_by TEXT   NOT NULL, -- rule decided: who
    reason     TEXT   NOT NULL, -- rule decided: why
    disagree   BIGINT NOT NULL, -- 1: evidence stands against it
    since_ms   BIGINT NOT NULL, -- since when it has been this
    PRIMARY KEY (asset_id, question, cve)
);
-- VIEW: what follows for each CVE that something is known about.
CREATE TABLE asset_cve (
    asset_id  BIGINT NOT NULL,
    cve       TEXT   NOT NULL,
    state     TEXT   NOT NULL,
    certainty TEXT   NOT NULL,
    disagree  BIGINT NOT NULL,
    PRIMARY KEY (asset_id, cve)
);

-- VIEW: the timeline. An entry written by the work shows its event's sentence until a person writes another.
CREATE TABLE timeline (
    id          BIGINT PRIMARY KEY, -- the id of the event that made it
    incident_id BIGINT NOT NULL,
    at_ms       BIGINT NOT NULL, -- when it happened; a person may move it
    by_hand     BIGINT NOT NULL, -- 1: a person wrote it
    main        BIGINT NOT NULL, -- 1: a main event, printed
    outside     BIGINT NOT NULL, -- 1: may be shown outside the company
    hidden      BIGINT NOT NULL, -- 1: taken out by a person
    affected    BIGINT NOT NULL, -- rows that became affected with it
    asset_id    BIGINT NOT NULL, -- the first of them; 0: none
    text        TEXT   NOT NULL, -- '' : the event's sentence
    edited_by   TEXT   NOT NULL,
    edited_ms   BIGINT NOT NULL,
    row_version BIGINT NOT NULL  -- event id of the last change
);
CREATE INDEX timeline_by_time ON timeline (incident_id, at_ms, id);

-- WORK: log-ins. The token itself is only in the browser.
CREATE TABLE session (
    token_hash TEXT   PRIMARY KEY, -- SHA-256, hex
    account_id BIGINT NOT NULL,
    csrf       TEXT   NOT NULL,
    made_ms    BIGINT NOT NULL,
    seen_ms    BIGINT NOT NULL
);
CREATE INDEX session_by_account ON session (account_id);
-- WORK: failed log-ins, by login and by address, for throttling.
CREATE TABLE login_failure (
    subject TEXT   NOT NULL, -- "login:…" or "from:…"
    at_ms   BIGINT NOT NULL
);
CREATE INDEX login_failure_by_subject ON login_failure (subject, at_ms);
-- WORK: files on their way in, in parts of 1 MiB; removed when done with, or after a day.
CREATE TABLE upload (
    id          BIGINT PRIMARY KEY,
    incident_id BIGINT NOT NULL,
    account_id  BIGINT NOT NULL,
    name        TEXT   NOT NULL,
    size        BIGINT NOT NULL,
    sha256      TEXT   NOT NULL,
    made_ms     BIGINT NOT NULL
);
CREATE TABLE upload_part (
    upload_id BIGINT NOT NULL,
    n         BIGINT NOT NULL,
    content   BYTEA  NOT NULL,
    PRIMARY KEY (upload_id, n)
);
-- WORK: long work that runs behind a page.
CREATE TABLE job (
    id          BIGINT PRIMARY KEY,
    incident_id BIGINT NOT NULL,
    account_id  BIGINT NOT NULL,
    upload_id   BIGINT NOT NULL,
    kind        TEXT   NOT NULL, -- "ledger.import"
    state       TEXT   NOT NULL, -- running, done, failed
    done        BIGINT NOT NULL,
    total       BIGINT NOT NULL,
    result      TEXT   NOT NULL, -- JSON when done; a sentence when failed
    made_ms     BIGINT NOT NULL,
    beat_ms     BIGINT NOT NULL  -- last sign of life: a job of a dead process is seen by it
);
