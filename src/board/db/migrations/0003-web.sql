-- What the web needs beside sessions.

-- Secrets: while there is no account, what set-up asks for. All boards over one database show the same.
CREATE TABLE setup_code (
    id   BIGINT PRIMARY KEY, -- 1
    code TEXT   NOT NULL
);
-- 1: given by an administrator; it has to be changed at the first log-in.
ALTER TABLE credential ADD COLUMN once BIGINT NOT NULL DEFAULT 0;
-- Where a session was begun, for its owner to recognise it.
ALTER TABLE session ADD COLUMN from_address TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN agent TEXT NOT NULL DEFAULT '';
