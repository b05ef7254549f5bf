-- API keys. The key itself is shown once and never stored; it has 256 random bits, so a plain hash is enough.
CREATE TABLE api_keys (
    id          TEXT    PRIMARY KEY NOT NULL,
    name        TEXT    NOT NULL,
    key_sha256  BLOB    NOT NULL UNIQUE CHECK (length(key_sha256) = 32),
    created_ms  INTEGER NOT NULL,
    revoked_ms  INTEGER
) STRICT;

-- Receipts as miners signed them. `encoded` is what the signature covers; the other columns are read from it.
CREATE TABLE receipts (
    task_id           BLOB    NOT NULL CHECK (length(task_id) = 16),
    attempt           INTEGER NOT NULL,
    api_key_id        TEXT,
    miner             BLOB    NOT NULL CHECK (length(miner) = 32),
    model             TEXT    NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    stored_ms         INTEGER NOT NULL,
    encoded           BLOB    NOT NULL,
    signature         BLOB    NOT NULL CHECK (length(signature) = 64),
    PRIMARY KEY (task_id, attempt)
) STRICT, WITHOUT ROWID;
