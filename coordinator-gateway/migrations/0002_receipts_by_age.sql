-- Receipts are removed by age; without this the whole table would be read for it.
CREATE INDEX receipts_by_age ON receipts (stored_ms);
