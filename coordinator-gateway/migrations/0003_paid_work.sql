-- Amounts are planck in 16 bytes, big-endian: an INTEGER ends at 9.2 CAI. They are added up in the program, by the one
-- writer, and compare as they sort.

-- Whose journal this is. Its sums mean nothing on another chain or for another coordinator.
CREATE TABLE journal_of (
    only    INTEGER PRIMARY KEY NOT NULL CHECK (only = 1),
    genesis BLOB    NOT NULL CHECK (length(genesis) = 32),
    stash   BLOB    NOT NULL CHECK (length(stash) = 32)
) STRICT;

-- What has been promised through each channel, from its first task on. Rows are never removed.
CREATE TABLE channels (
    miner   BLOB    NOT NULL CHECK (length(miner) = 32),
    channel BLOB    NOT NULL CHECK (length(channel) = 16),
    amount  BLOB    NOT NULL CHECK (length(amount) = 16),
    tasks   INTEGER NOT NULL,
    PRIMARY KEY (miner, channel)
) STRICT, WITHOUT ROWID;

-- What each key used, day by day in UTC (days since 1970); without a key: ''. It outlives the receipts.
CREATE TABLE usage (
    api_key_id        TEXT    NOT NULL,
    day               INTEGER NOT NULL,
    model             TEXT    NOT NULL,
    tasks             INTEGER NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost              BLOB    NOT NULL CHECK (length(cost) = 16),
    PRIMARY KEY (api_key_id, day, model)
) STRICT, WITHOUT ROWID;

-- What was paid for the task; receipts from before were not paid.
ALTER TABLE receipts ADD COLUMN cost BLOB NOT NULL DEFAULT x'00000000000000000000000000000000' CHECK (length(cost) = 16);

-- What a key may spend in all (NULL: any amount), and what its tasks have cost since it was made.
ALTER TABLE api_keys ADD COLUMN budget BLOB CHECK (budget IS NULL OR length(budget) = 16);
ALTER TABLE api_keys ADD COLUMN spent BLOB NOT NULL DEFAULT x'00000000000000000000000000000000' CHECK (length(spent) = 16);

-- What the gateway was about to deposit by itself, day by day in UTC (days since 1970); written before it did.
CREATE TABLE topups (
    day    INTEGER PRIMARY KEY NOT NULL,
    amount BLOB    NOT NULL CHECK (length(amount) = 16)
) STRICT;
