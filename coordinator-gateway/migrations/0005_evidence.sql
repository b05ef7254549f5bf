-- Proof of miners' faults, as it is encoded on the chain, by its hash.
CREATE TABLE evidence (
    hash        BLOB    PRIMARY KEY NOT NULL CHECK (length(hash) = 32),
    miner       BLOB    NOT NULL CHECK (length(miner) = 32),
    task_id     BLOB    NOT NULL CHECK (length(task_id) = 16),
    attempt     INTEGER NOT NULL,
    encoded     BLOB    NOT NULL,
    found_ms    INTEGER NOT NULL,
    reported_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_not_reported ON evidence (found_ms) WHERE reported_ms IS NULL;
