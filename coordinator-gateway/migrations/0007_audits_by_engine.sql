-- How far audited answers were from what the gateway's own engine says: JSON; NULL where none was asked.
ALTER TABLE audits ADD COLUMN distances TEXT;

-- How often a miner was asked within a day, and what is long over.
CREATE INDEX demands_by_miner ON demands (miner, not_before_ms);
CREATE INDEX demands_by_end ON demands (not_after_ms);
