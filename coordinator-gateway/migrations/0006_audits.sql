-- The secrets by which tasks are chosen to be audited, day by day in UTC (days since 1970). What commits to one is shown
-- before its day, the secret after it.
CREATE TABLE audit_days (
    day    INTEGER PRIMARY KEY NOT NULL,
    secret BLOB    NOT NULL CHECK (length(secret) = 32)
) STRICT;

-- What audits have found.
CREATE TABLE audits (
    task_id    BLOB    NOT NULL CHECK (length(task_id) = 16),
    attempt    INTEGER NOT NULL,
    miner      BLOB    NOT NULL CHECK (length(miner) = 32),
    model      TEXT    NOT NULL,
    class      TEXT    NOT NULL,
    tokens     INTEGER NOT NULL,
    outcome    TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    audited_ms INTEGER NOT NULL,
    PRIMARY KEY (task_id, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX audits_by_age ON audits (audited_ms);
CREATE INDEX audits_by_miner ON audits (miner, audited_ms);

-- What is thought of each miner: JSON.
CREATE TABLE audit_standings (
    miner    BLOB PRIMARY KEY NOT NULL CHECK (length(miner) = 32),
    standing TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What miners are to be asked on the chain, as it is encoded there, by its hash: not before one time, not after another.
CREATE TABLE demands (
    hash          BLOB    PRIMARY KEY NOT NULL CHECK (length(hash) = 32),
    miner         BLOB    NOT NULL CHECK (length(miner) = 32),
    encoded       BLOB    NOT NULL,
    not_before_ms INTEGER NOT NULL,
    not_after_ms  INTEGER NOT NULL,
    made_ms       INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX demands_not_made ON demands (not_before_ms) WHERE made_ms IS NULL;
