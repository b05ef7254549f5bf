//! Judging the bytes of a wallet file: what is whole, what was cut short, what is damaged.

use super::record::{BadRecord, Record, RECORD_BYTES};

/// What a file's bytes are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The whole records up to the first that is not.
    pub(crate) records: Vec<Record>,
    /// Whole records after that one. Only a repair looks at them.
    pub(crate) stray: Vec<Record>,
    /// What is wrong, if anything is.
    pub(crate) flaw: Option<Flaw>,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A write was cut short: from this record on nothing was ever said to be on the disk.
    Torn(u64),
    /// This record was on the disk, whole, and is not any more.
    Damaged(u64),
    /// This record is whole, and of a kind that this program does not know.
    Unknown(u64),
}

impl Scan {
    /// Reads `bytes` from their beginning.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut scan = Self::default();
        let mut first_bad = None;
        let mut durable = 0;
        let mut chunks = 0_u64;
        for (index, chunk) in (0_u64..).zip(bytes.chunks(RECORD_BYTES)) {
            chunks = index.saturating_add(1);
            match Record::from_bytes(chunk) {
                Ok(record) => {
                    durable = durable.max(record.durable);
                    let kept = if first_bad.is_none() { &mut scan.records } else { &mut scan.stray };
                    kept.push(record);
                }
                Err(BadRecord::Damaged) => first_bad = first_bad.or(Some(index)),
                Err(BadRecord::Unknown) => {
                    scan.flaw = Some(Flaw::Unknown(index));
                    return scan;
                }
            }
        }
        scan.flaw = match first_bad {
            Some(index) if index < durable => Some(Flaw::Damaged(index)),
            Some(index) => Some(Flaw::Torn(index)),
            // Records are missing at the end: a record that is there says that they were.
            None if chunks < durable => Some(Flaw::Damaged(chunks)),
            None => None,
        };
        scan
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::{fixture::account, record::Entry};
    use proptest::prelude::*;

    fn record(durable: u64, number: u32) -> Record {
        Record { durable, time_s: 1, entry: Entry::Generation { coordinator: account(1), generation: number } }
    }

    /// A file of groups that were written with one sync each.
    fn written(groups: &[usize]) -> Vec<Record> {
        let mut records = Vec::new();
        for group in groups {
            let durable = records.len() as u64;
            records.extend((0..*group).map(|at| record(durable, at as u32)));
        }
        records
    }

    fn bytes(records: &[Record]) -> Vec<u8> {
        records.iter().flat_map(Record::to_bytes).collect()
    }

    fn groups() -> impl Strategy<Value = Vec<usize>> {
        prop::collection::vec(1_usize..5, 1..8)
    }

    #[test]
    fn what_was_said_to_be_on_the_disk_is_damaged_and_what_was_not_is_torn() {
        let records = written(&[1, 2, 2]);
        for (damaged, expected) in [
            (0, Flaw::Damaged(0)),
            (2, Flaw::Damaged(2)),
            // Of the last group nothing says that it was ever whole.
            (3, Flaw::Torn(3)),
            (4, Flaw::Torn(4)),
        ] {
            let mut bytes = bytes(&records);
            bytes[damaged * RECORD_BYTES + 30] ^= 1;
            let scan = Scan::of(&bytes);
            assert_eq!(scan.flaw, Some(expected));
            assert_eq!(scan.records, records[..damaged]);
            assert_eq!(scan.stray, records[damaged + 1..]);
        }
    }

    #[test]
    fn missing_records_are_damage() {
        let records = [record(0, 1), record(5, 2)];
        assert_eq!(Scan::of(&bytes(&records)).flaw, Some(Flaw::Damaged(2)));
    }

    #[test]
    fn pages_that_were_never_filled_are_a_torn_tail() {
        let records = written(&[1, 1]);
        let mut bytes = bytes(&records);
        bytes.extend([0; 4 * RECORD_BYTES + 7]);
        let scan = Scan::of(&bytes);
        assert_eq!((scan.flaw, scan.records), (Some(Flaw::Torn(2)), records));
    }

    proptest! {
        #[test]
        fn any_prefix_reads_as_a_prefix_of_the_history(groups in groups(), cut in 0_usize..40 * RECORD_BYTES) {
            let records = written(&groups);
            let mut bytes = bytes(&records);
            bytes.truncate(cut);
            let scan = Scan::of(&bytes);
            prop_assert_eq!(&scan.records[..], &records[..bytes.len() / RECORD_BYTES]);
            let is_cut_within = !bytes.len().is_multiple_of(RECORD_BYTES);
            prop_assert_eq!(scan.flaw, is_cut_within.then_some(Flaw::Torn(scan.records.len() as u64)));
        }

        #[test]
        fn any_changed_byte_is_cut_off_or_refused_and_never_believed(
            groups in groups(),
            at in any::<prop::sample::Index>(),
            change in 1_u8..,
        ) {
            let records = written(&groups);
            let mut bytes = bytes(&records);
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            let changed = at / RECORD_BYTES;
            let scan = Scan::of(&bytes);
            prop_assert_eq!(&scan.records[..], &records[..changed]);
            let last_group = records.len() - groups[groups.len() - 1];
            // What the other records say was durable.
            let knows = records.iter().enumerate().filter(|(other, _)| *other != changed);
            let durable = knows.map(|(_, record)| record.durable).max().unwrap_or(0);
            let expected = match (changed as u64) < durable {
                true => Flaw::Damaged(changed as u64),
                false => Flaw::Torn(changed as u64),
            };
            prop_assert_eq!(scan.flaw, Some(expected));
            if changed < last_group {
                // A later group is whole, so nothing is cut off silently.
                prop_assert_eq!(expected, Flaw::Damaged(changed as u64));
            }
        }
    }
}
