-- A deposit that the gateway makes by itself, from before it is sent until it is known what became of it: of which day's
-- allowance it is, and the escrow and how many transactions of its sender were on the chain before it.
CREATE TABLE deposit_under_way (
    only   INTEGER PRIMARY KEY NOT NULL CHECK (only = 1),
    day    INTEGER NOT NULL,
    amount BLOB    NOT NULL CHECK (length(amount) = 16),
    escrow BLOB    NOT NULL CHECK (length(escrow) = 16),
    nonce  INTEGER NOT NULL
) STRICT;
