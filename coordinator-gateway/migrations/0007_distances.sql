-- How far audited answers were from what the gateway's own engine says: JSON; NULL where none was asked.
ALTER TABLE audits ADD COLUMN distances TEXT;
