//! Finding the records of a file, and what of it is damaged.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use super::{
    record::{Header, HEADER_BYTES, MARK},
    stored::{ReadError, Stored},
};

/// How much is read at once in search of the next record behind damage.
const WINDOW_BYTES: usize = 1 << 20;

/// How closely a file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Every record says that it is one.
    Headers,
    /// Every record is whole.
    Bodies,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The records and where each begins, in their order.
    pub(super) records: Vec<(u64, Header)>,
    /// Where something begins that is none.
    pub(super) damage: Vec<u64>,
}

impl Scan {
    /// Looks through a file of this length.
    pub(super) fn of(file: &Arc<File>, length: u64, depth: Depth) -> Result<Self, ReadError> {
        let mut found = Self::default();
        let mut at = 0;
        while at < length {
            match record(file, at, length, depth) {
                Ok(header) => {
                    let next = at + header.record_bytes();
                    found.records.push((at, header));
                    at = next;
                }
                Err(ReadError::Damaged) => {
                    found.damage.push(at);
                    at = next_header(file, at + 1, length)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Where the last write was cut short: at the first damage that no record says to have been on the disk before it.
    ///
    /// What is written and not yet synced can arrive in part and in any order; whatever follows such damage was never
    /// acknowledged either.
    pub(super) fn torn_at(&self) -> Option<u64> {
        let durable = self.records.iter().map(|(_, header)| header.durable).max().unwrap_or(0);
        self.damage.iter().copied().find(|at| *at >= durable)
    }

    /// Leaves out all from there on.
    pub(super) fn cut(&mut self, end: u64) {
        self.records.retain(|(at, _)| *at < end);
        self.damage.retain(|at| *at < end);
    }
}

fn record(file: &Arc<File>, at: u64, length: u64, depth: Depth) -> Result<Header, ReadError> {
    if length - at < HEADER_BYTES as u64 {
        return Err(ReadError::Damaged);
    }
    let stored = Stored { file: file.clone(), offset: at };
    let header = stored.header()?;
    if header.record_bytes() > length - at {
        return Err(ReadError::Damaged);
    }
    if depth == Depth::Bodies {
        stored.check(&header)?;
    }
    Ok(header)
}

/// Where the next whole header begins, from `from` on; the file's length if none does.
fn next_header(file: &Arc<File>, from: u64, length: u64) -> io::Result<u64> {
    let mut window = vec![0; WINDOW_BYTES + HEADER_BYTES - 1];
    let mut begin = from;
    while begin < length {
        let count = usize::try_from(length - begin).map_or(window.len(), |left| left.min(window.len()));
        let Some(bytes) = window.get_mut(..count) else { break };
        file.read_exact_at(bytes, begin)?;
        let is_header = |bytes: &[u8]| {
            let header = <&[u8; HEADER_BYTES]>::try_from(bytes);
            bytes.starts_with(&MARK) && header.is_ok_and(|header| Header::from_bytes(header).is_ok())
        };
        if let Some(at) = bytes.windows(HEADER_BYTES).position(is_header) {
            return Ok(begin + at as u64);
        }
        begin += WINDOW_BYTES as u64;
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kept::fixture::record as some;

    /// A file of these bytes.
    fn scan(bytes: &[u8], depth: Depth) -> Scan {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(bytes, 0).unwrap();
        Scan::of(&Arc::new(file), bytes.len() as u64, depth).unwrap()
    }

    fn offsets(scan: &Scan) -> Vec<u64> {
        scan.records.iter().map(|(at, _)| *at).collect()
    }

    /// Three records, each in a write of its own, and where they begin and end.
    fn three() -> (Vec<u8>, [usize; 4]) {
        let mut bytes = Vec::new();
        let mut ends = [0; 4];
        for (number, end) in (1_u8..).zip(&mut ends[1..]) {
            let durable = bytes.len() as u64;
            bytes.extend(some(number, 5).to_bytes(durable));
            *end = bytes.len();
        }
        (bytes, ends)
    }

    #[test]
    fn all_records_are_found() {
        let (bytes, [first, second, third, _]) = three();
        for depth in [Depth::Headers, Depth::Bodies] {
            let scan = scan(&bytes, depth);
            assert_eq!(offsets(&scan), [first, second, third].map(|at| at as u64));
            assert_eq!((scan.torn_at(), scan.damage), (None, vec![]));
        }
        assert!(scan(&[], Depth::Bodies).records.is_empty());
    }

    #[test]
    fn damage_before_a_record_that_says_it_was_there_is_none_of_a_write_cut_short() {
        let (mut bytes, [first, second, third, end]) = three();
        for at in [second, second + HEADER_BYTES + 3, third - 1] {
            bytes[at] ^= 1;
            let scan = scan(&bytes, Depth::Bodies);
            assert_eq!(offsets(&scan), [first as u64, third as u64], "damage at {at}");
            assert_eq!((scan.damage.clone(), scan.torn_at()), (vec![second as u64], None));
            bytes[at] ^= 1;
        }
        for at in [third, end - 1] {
            bytes[at] ^= 1;
            assert_eq!(scan(&bytes, Depth::Bodies).torn_at(), Some(third as u64), "damage at {at}");
            bytes[at] ^= 1;
        }
    }

    #[test]
    fn what_follows_damage_in_the_same_write_is_cut_off_with_it() {
        let (one, other) = (some(1, 5).to_bytes(0), some(2, 5).to_bytes(0));
        let mut bytes = [one.clone(), other].concat();
        bytes[HEADER_BYTES] ^= 1;
        let mut scan = scan(&bytes, Depth::Bodies);
        assert_eq!((offsets(&scan), scan.torn_at()), (vec![one.len() as u64], Some(0)));
        scan.cut(0);
        assert!(scan.records.is_empty() && scan.damage.is_empty());
    }

    #[test]
    fn the_next_record_is_found_behind_much_that_is_damaged() {
        for garbage in [1, HEADER_BYTES, WINDOW_BYTES - 50, WINDOW_BYTES - 1, WINDOW_BYTES, 2 * WINDOW_BYTES + 7] {
            let bytes = [vec![7; garbage], some(1, 5).to_bytes(garbage as u64)].concat();
            let scan = scan(&bytes, Depth::Headers);
            assert_eq!((offsets(&scan), scan.damage), (vec![garbage as u64], vec![0]), "{garbage}");
        }
    }

    #[test]
    fn a_newer_versions_file_is_not_used() {
        let mut bytes = some(1, 5).to_bytes(0);
        bytes[MARK.len() - 1] += 1;
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&bytes, 0).unwrap();
        let error = Scan::of(&Arc::new(file), bytes.len() as u64, Depth::Headers).unwrap_err();
        assert!(matches!(error, ReadError::Newer), "{error}");
    }
}
