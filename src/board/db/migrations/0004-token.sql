-- VIEW: tokens with which a person's own programs speak to the API (incident 0).
CREATE TABLE api_token (
    id         BIGINT PRIMARY KEY,
    account_id BIGINT NOT NULL,
    name       TEXT   NOT NULL, -- what it is for, in its owner's words
    made_ms    BIGINT NOT NULL,
    until_ms   BIGINT NOT NULL, -- void from then on
    revoked_ms BIGINT NOT NULL  -- 0: it was not
);
CREATE INDEX api_token_by_account ON api_token (account_id);
-- Secrets: see credential. Only the hash of the token is kept.
CREATE TABLE api_token_secret (
    token_id   BIGINT PRIMARY KEY,
    token_hash TEXT NOT NULL -- SHA-256, hex; tokens are random, so a slow hash adds nothing
);
CREATE INDEX api_token_secret_by_hash ON api_token_secret (token_hash);
