//! What is on the disk, in memory: where each attempt is, and how much the files hold.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    sync::Arc,
};

use cuckoo_primitives::{challenge::KEPT_MS, AccountId};

use super::{
    folder::Name,
    record::{Header, Key},
    stored::Stored,
};

/// Where everything is.
#[derive(Debug, Default)]
pub(super) struct Book {
    segments: BTreeMap<Name, Segment>,
    places: HashMap<Key, Place>,
}

/// A file of records.
#[derive(Debug)]
pub(super) struct Segment {
    file: Arc<File>,
    bytes: u64,
    /// When the task of its newest record began, in milliseconds after 1970.
    newest_ms: Option<u64>,
    /// Some of what was in it cannot be found any more.
    is_damaged: bool,
}

#[derive(Debug)]
struct Place {
    segment: Name,
    offset: u64,
    /// How many leaves there are.
    leaves: u32,
    /// Whose task it was. No header says so: of what an earlier start has left it is known when it was read once.
    coordinator: Option<AccountId>,
}

/// Where a record is, and what is known of it without reading it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) stored: Stored,
    /// How many leaves there are.
    pub(super) leaves: u32,
    /// Whose task it was, if that is known.
    pub(super) coordinator: Option<AccountId>,
}

impl Book {
    /// There is this file, with nothing in it that counts.
    pub(super) fn open(&mut self, name: Name, file: Arc<File>) {
        self.segments.insert(name, Segment { file, bytes: 0, newest_ms: None, is_damaged: false });
    }

    /// Some of this file is damaged. The tasks of what was there began at this time at the latest, in milliseconds after
    /// 1970.
    pub(super) fn note_damage(&mut self, name: Name, newest_ms: u64) {
        if let Some(segment) = self.segments.get_mut(&name) {
            segment.is_damaged = true;
            segment.newest_ms = segment.newest_ms.max(Some(newest_ms));
        }
    }

    /// There is this record in it. Of two for one attempt the first counts.
    pub(super) fn note(&mut self, name: Name, offset: u64, header: &Header) {
        let Some(segment) = self.segments.get_mut(&name) else { return };
        segment.newest_ms = segment.newest_ms.max(Some(header.began_ms));
        segment.bytes = segment.bytes.max(offset.saturating_add(header.record_bytes()));
        let place = Place { segment: name, offset, leaves: header.leaves, coordinator: None };
        self.places.entry(header.key).or_insert(place);
    }

    /// The receipt of this attempt names this coordinator.
    pub(super) fn note_coordinator(&mut self, key: &Key, coordinator: AccountId) {
        if let Some(place) = self.places.get_mut(key) {
            place.coordinator = Some(coordinator);
        }
    }

    /// So long is this file at least.
    pub(super) fn note_length(&mut self, name: Name, bytes: u64) {
        if let Some(segment) = self.segments.get_mut(&name) {
            segment.bytes = segment.bytes.max(bytes);
        }
    }

    /// The record of this attempt.
    pub(super) fn find(&self, key: &Key) -> Option<Found> {
        let place = self.places.get(key)?;
        let segment = self.segments.get(&place.segment)?;
        let stored = Stored { file: segment.file.clone(), offset: place.offset };
        Some(Found { stored, leaves: place.leaves, coordinator: place.coordinator.clone() })
    }

    /// Whether this attempt is kept.
    pub(super) fn holds(&self, key: &Key) -> bool {
        self.places.contains_key(key)
    }

    /// Whether an attempt that is not found may have been kept all the same.
    pub(super) fn is_damaged(&self) -> bool {
        self.segments.values().any(|segment| segment.is_damaged)
    }

    /// The newest file.
    pub(super) fn newest(&self) -> Option<Name> {
        self.segments.keys().next_back().copied()
    }

    /// Files of which nobody can be asked any more at this time, in milliseconds after 1970, and none of the `needed`
    /// attempts is in.
    pub(super) fn outdated(&self, needed: &[Key], now_ms: u64) -> Vec<Name> {
        let needed: HashSet<Name> =
            needed.iter().filter_map(|key| self.places.get(key)).map(|place| place.segment).collect();
        let is_over =
            |segment: &Segment| segment.newest_ms.is_none_or(|began_ms| began_ms.saturating_add(KEPT_MS) < now_ms);
        let outdated = self.segments.iter().filter(|(name, segment)| is_over(segment) && !needed.contains(name));
        outdated.map(|(name, _)| *name).collect()
    }

    /// These files are gone.
    pub(super) fn forget(&mut self, names: &[Name]) {
        if !names.is_empty() {
            self.places.retain(|_, place| !names.contains(&place.segment));
            names.iter().for_each(|name| drop(self.segments.remove(name)));
        }
    }

    /// How much all files hold.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }

    /// How many attempts are kept.
    pub(super) fn attempts(&self) -> usize {
        self.places.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kept::{fixture::task, record::key};
    use cuckoo_primitives::{challenge::AttemptOf, Hash};

    fn header(number: u8, began_ms: u64) -> Header {
        let attempt = AttemptOf { task_id: task(number, began_ms), attempt: 0, link: Hash::zero() };
        Header { durable: 0, began_ms, key: key(&attempt), receipt_bytes: 0, leaves: 0, leaves_bytes: 4, sum: 0 }
    }

    fn book(segments: &[(Name, &[(u8, u64)])]) -> Book {
        let mut book = Book::default();
        for (name, records) in segments {
            book.open(*name, Arc::new(tempfile::tempfile().unwrap()));
            for (index, (number, began_ms)) in (0..).zip(*records) {
                book.note(*name, index * 100, &header(*number, *began_ms));
            }
        }
        book
    }

    #[test]
    fn a_file_is_outdated_when_its_newest_task_is() {
        let book = book(&[(1, &[(1, 5_000), (2, 9_000), (3, 7_000)]), (2, &[(4, 6_000)]), (3, &[])]);
        assert_eq!(book.outdated(&[], KEPT_MS), [3]);
        assert_eq!(book.outdated(&[], 6_000 + KEPT_MS), [3], "it is not over before that moment is");
        assert_eq!(book.outdated(&[], 6_001 + KEPT_MS), [2, 3]);
        assert_eq!(book.outdated(&[], 9_000 + KEPT_MS), [2, 3]);
        assert_eq!(book.outdated(&[], 9_001 + KEPT_MS), [1, 2, 3]);
    }

    #[test]
    fn what_somebody_is_asked_about_stays() {
        let book = book(&[(1, &[(1, 5_000), (2, 9_000)]), (2, &[(3, 6_000)])]);
        let (first, third, unknown) = (header(1, 5_000).key, header(3, 6_000).key, header(9, 1).key);
        assert_eq!(book.outdated(&[first, unknown], u64::MAX), [2]);
        assert_eq!(book.outdated(&[third], u64::MAX), [1]);
        assert_eq!(book.outdated(&[first, third], u64::MAX), [0; 0]);
    }

    #[test]
    fn what_is_forgotten_is_neither_found_nor_counted() {
        let mut book = book(&[(1, &[(1, 5_000), (2, 9_000)]), (2, &[(3, 6_000)])]);
        let each = header(1, 0).record_bytes();
        assert_eq!((book.bytes(), book.attempts(), book.newest()), (100 + 2 * each, 3, Some(2)));
        book.forget(&[1]);
        assert_eq!((book.bytes(), book.attempts()), (each, 1));
        assert!(!book.holds(&header(1, 5_000).key) && book.find(&header(2, 9_000).key).is_none());
        assert!(book.holds(&header(3, 6_000).key) && book.find(&header(3, 6_000).key).is_some());
        book.note_length(2, 1_000);
        book.note_length(2, 10);
        assert_eq!(book.bytes(), 1_000);
    }

    #[test]
    fn whose_task_it_was_is_known_when_somebody_has_said_so() {
        let mut book = book(&[(1, &[(1, 5_000)])]);
        let (known, unknown) = (header(1, 5_000).key, header(9, 1).key);
        assert_eq!(book.find(&known).unwrap().coordinator, None);
        for key in [&known, &unknown] {
            book.note_coordinator(key, AccountId::from([3; 32]));
        }
        let found = book.find(&known).unwrap();
        assert_eq!((found.leaves, found.coordinator), (0, Some(AccountId::from([3; 32]))));
        assert!(book.find(&unknown).is_none());
    }

    #[test]
    fn damage_is_known_until_its_file_is_gone() {
        let mut book = book(&[(1, &[(1, 5_000)])]);
        assert!(!book.is_damaged());
        book.open(2, Arc::new(tempfile::tempfile().unwrap()));
        book.note_damage(2, 9_000);
        assert!(book.is_damaged());
        // Though nothing is found in it.
        assert_eq!(book.outdated(&[], 9_000 + KEPT_MS), [1]);
        assert_eq!(book.outdated(&[], 9_001 + KEPT_MS), [1, 2]);
        book.forget(&[2]);
        assert!(!book.is_damaged());
    }
}
