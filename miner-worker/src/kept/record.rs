//! How one attempt is written: a header of fixed length, the signed receipt, a table of the leaves, and the leaves.
//!
//! All that is needed to find records and to tell whole ones from damaged ones is in their headers. The table says where
//! each leaf ends and what its checksum is, so that some leaves can be read without the others.

use codec::{Decode, Encode, MaxEncodedLen};
use crc::{Crc, CRC_32_ISCSI};
use cuckoo_primitives::{
    challenge::AttemptOf,
    commitment::{Leaf, MAX_PATH},
    evidence::SignedReceipt,
    AccountId,
};

use super::error::KeptError;

/// How every record begins; the last byte is the version of what follows.
pub(super) const MARK: [u8; 8] = *b"ckept\0\0\x01";
/// Where in [`MARK`] the version is.
const VERSION_AT: usize = 7;
/// Length of a header: mark, fields, checksum.
pub(super) const HEADER_BYTES: usize = MARK.len() + FIELDS_BYTES + 4;
/// Length of the fields of [`Header`], each of which has a fixed length.
const FIELDS_BYTES: usize = 2 * 8 + 52 + 4 * 4;
/// Length of an entry of the table.
const ENTRY_BYTES: usize = 8;
/// Most leaves that a proof can be made of.
const MOST_LEAVES: usize = 1 << MAX_PATH;

/// CRC32C: it finds every damage of up to 32 bits in a row.
static CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// An attempt as records name it: its encoding, which has always the same length.
pub(super) type Key = [u8; 52];

/// The name of an attempt.
pub(super) fn key(attempt: &AttemptOf) -> Key {
    let mut key = [0; 52];
    key.iter_mut().zip(attempt.encode()).for_each(|(to, from)| *to = from);
    key
}

/// What is known of a record without its body.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Header {
    /// So many bytes of its file were known to be on the disk when it was written. Damage among them is no write that was
    /// cut short.
    pub(super) durable: u64,
    /// When its task began, in milliseconds after 1970.
    pub(super) began_ms: u64,
    /// Whose record it is.
    pub(super) key: Key,
    /// Length of the encoded receipt.
    pub(super) receipt_bytes: u32,
    /// How many leaves there are.
    pub(super) leaves: u32,
    /// How long they are together.
    pub(super) leaves_bytes: u32,
    /// Checksum of receipt and table.
    pub(super) sum: u32,
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoHeader {
    /// They are not what was written.
    Damaged,
    /// Another version of this program wrote them.
    Newer,
}

impl Header {
    /// Reads what [`Record::to_bytes`] begins with.
    pub(super) fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Result<Self, NoHeader> {
        let (covered, sum) = bytes.split_at(HEADER_BYTES - 4);
        let (mark, mut fields) = covered.split_at(MARK.len());
        if mark != MARK {
            let is_newer = mark.starts_with(&MARK[..VERSION_AT]) && mark[VERSION_AT] > MARK[VERSION_AT];
            return Err(if is_newer { NoHeader::Newer } else { NoHeader::Damaged });
        }
        if checksum(covered).to_le_bytes() != sum {
            return Err(NoHeader::Damaged);
        }
        Self::decode(&mut fields).map_err(|_| NoHeader::Damaged)
    }

    fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let (covered, sum) = bytes.split_at_mut(HEADER_BYTES - 4);
        covered.iter_mut().zip(MARK.into_iter().chain(self.encode())).for_each(|(to, from)| *to = from);
        sum.copy_from_slice(&checksum(covered).to_le_bytes());
        bytes
    }

    /// Length of receipt and table, which follow the header.
    pub(super) fn front_bytes(&self) -> u64 {
        u64::from(self.receipt_bytes) + u64::from(self.leaves) * ENTRY_BYTES as u64
    }

    /// Length of the record.
    pub(super) fn record_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + self.front_bytes() + u64::from(self.leaves_bytes)
    }
}

/// Receipt and table of a record, read and whole.
pub(super) struct Front {
    bytes: Vec<u8>,
    receipt_bytes: usize,
}

/// Bytes of a record that are not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

impl Front {
    /// What follows this header.
    pub(super) fn new(header: &Header, bytes: Vec<u8>) -> Result<Self, Damaged> {
        let is_whole = bytes.len() as u64 == header.front_bytes() && checksum(&bytes) == header.sum;
        is_whole.then_some(Self { bytes, receipt_bytes: header.receipt_bytes as usize }).ok_or(Damaged)
    }

    /// The receipt.
    pub(super) fn receipt(&self) -> Result<SignedReceipt, Damaged> {
        let mut receipt = self.bytes.get(..self.receipt_bytes).ok_or(Damaged)?;
        SignedReceipt::decode(&mut receipt).map_err(|_| Damaged)
    }

    /// Where `count` leaves from the one at `first` on are among the leaves; `None` if there are not so many.
    pub(super) fn range(&self, first: u32, count: u32) -> Option<(u32, u32)> {
        let last = first.checked_add(count)?;
        let end_of = |leaves: u32| match leaves.checked_sub(1) {
            None => Some(0),
            Some(last) => self.entry(last).map(|entry| entry.end),
        };
        Some((end_of(first)?, end_of(last)?))
    }

    /// Reads `count` leaves from the one at `first` on, of which these are the bytes.
    pub(super) fn leaves(&self, first: u32, count: u32, bytes: &[u8]) -> Result<Vec<Leaf>, Damaged> {
        let (begin, _) = self.range(first, count).ok_or(Damaged)?;
        let mut at = begin;
        let mut leaf = |index: u32| {
            let Entry { end, sum } = self.entry(index)?;
            let own = bytes.get(at.checked_sub(begin)? as usize..end.checked_sub(begin)? as usize)?;
            at = end;
            let mut encoded = own;
            (checksum(own) == sum).then(|| Leaf::decode(&mut encoded).ok()).flatten()
        };
        (first..first.saturating_add(count)).map(|index| leaf(index).ok_or(Damaged)).collect()
    }

    fn entry(&self, index: u32) -> Option<Entry> {
        let at = self.receipt_bytes.checked_add((index as usize).checked_mul(ENTRY_BYTES)?)?;
        let mut bytes = self.bytes.get(at..at.checked_add(ENTRY_BYTES)?)?;
        Entry::decode(&mut bytes).ok()
    }
}

/// What the table says of a leaf.
#[derive(Encode, Decode)]
struct Entry {
    /// Where it ends among the leaves.
    end: u32,
    sum: u32,
}

/// A record to be written.
#[derive(Debug)]
pub(super) struct Record {
    header: Header,
    coordinator: AccountId,
    body: Vec<u8>,
}

impl Record {
    /// The record of an attempt whose task began then.
    pub(super) fn new(began_ms: u64, signed: &SignedReceipt, leaves: &[Leaf]) -> Result<Self, KeptError> {
        if leaves.len() > MOST_LEAVES {
            return Err(KeptError::TooLong);
        }
        let mut body = signed.encode();
        let receipt_bytes = body.len();
        let mut encoded = Vec::new();
        for leaf in leaves {
            let begin = encoded.len();
            leaf.encode_to(&mut encoded);
            let sum = checksum(encoded.get(begin..).unwrap_or_default());
            // So many leaves of the greatest length are less than 2^30 bytes.
            Entry { end: encoded.len() as u32, sum }.encode_to(&mut body);
        }
        let header = Header {
            durable: 0,
            began_ms,
            key: key(&AttemptOf::of(&signed.receipt.spec)),
            receipt_bytes: receipt_bytes as u32,
            leaves: leaves.len() as u32,
            leaves_bytes: encoded.len() as u32,
            sum: checksum(&body),
        };
        body.append(&mut encoded);
        Ok(Self { header, coordinator: signed.receipt.spec.coordinator.clone(), body })
    }

    /// The record as it is written behind so many bytes that are on the disk.
    pub(super) fn to_bytes(&self, durable: u64) -> Vec<u8> {
        let mut bytes = Header { durable, ..self.header.clone() }.to_bytes().to_vec();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Its header.
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Whose task it was.
    pub(super) fn coordinator(&self) -> &AccountId {
        &self.coordinator
    }
}

/// Length of the longest record of an attempt of so many tokens.
pub(super) fn most_bytes(tokens: u32) -> u64 {
    let each = ENTRY_BYTES.saturating_add(Leaf::max_encoded_len()) as u64;
    let around = HEADER_BYTES.saturating_add(SignedReceipt::max_encoded_len()) as u64;
    each.saturating_mul(tokens.into()).saturating_add(around)
}

fn checksum(bytes: &[u8]) -> u32 {
    CHECKSUM.checksum(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_primitives::fixture;

    fn signed(leaves: &[Leaf]) -> SignedReceipt {
        SignedReceipt { receipt: fixture::receipt_of(leaves), signature: [5; 64] }
    }

    fn parts(bytes: &[u8]) -> (Header, Vec<u8>, Vec<u8>) {
        let header = Header::from_bytes(bytes[..HEADER_BYTES].try_into().unwrap()).unwrap();
        let (front, leaves) = bytes[HEADER_BYTES..].split_at(header.front_bytes() as usize);
        (header, front.to_vec(), leaves.to_vec())
    }

    #[test]
    fn a_record_is_read_back_in_parts() {
        let leaves = fixture::leaves(&fixture::drawing(), 20);
        let signed = signed(&leaves);
        let bytes = Record::new(7, &signed, &leaves).unwrap().to_bytes(99);
        let (header, front, encoded) = parts(&bytes);
        assert_eq!((header.durable, header.began_ms, header.leaves), (99, 7, 20));
        assert_eq!(header.key, key(&AttemptOf::of(&signed.receipt.spec)));
        assert_eq!(header.record_bytes(), bytes.len() as u64);
        let front = Front::new(&header, front).unwrap();
        assert_eq!(front.receipt(), Ok(signed));
        for (first, count) in [(0, 20), (0, 1), (19, 1), (5, 10), (20, 0), (0, 0)] {
            let (begin, end) = front.range(first, count).unwrap();
            let read = front.leaves(first, count, &encoded[begin as usize..end as usize]);
            assert_eq!(read, Ok(leaves[first as usize..][..count as usize].to_vec()), "{count} from {first}");
        }
        for (first, count) in [(0, 21), (20, 1), (u32::MAX, 1), (1, u32::MAX)] {
            assert_eq!(front.range(first, count), None);
        }
    }

    #[test]
    fn an_attempt_without_leaves_is_kept_too() {
        let signed = SignedReceipt { receipt: fixture::receipt(), signature: [5; 64] };
        let bytes = Record::new(7, &signed, &[]).unwrap().to_bytes(0);
        let (header, front, encoded) = parts(&bytes);
        let front = Front::new(&header, front).unwrap();
        assert_eq!((front.receipt(), front.range(0, 0), encoded), (Ok(signed), Some((0, 0)), Vec::new()));
        assert_eq!(front.range(0, 1), None);
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let leaves = fixture::leaves(&fixture::drawing(), 2);
        let whole = Record::new(7, &signed(&leaves), &leaves).unwrap().to_bytes(0);
        let read = |bytes: &[u8]| {
            let header = Header::from_bytes(bytes[..HEADER_BYTES].try_into().unwrap()).map_err(|_| Damaged)?;
            let (front, leaves) = bytes[HEADER_BYTES..].split_at(header.front_bytes() as usize);
            Front::new(&header, front.to_vec())?.leaves(0, 2, leaves)
        };
        assert_eq!(read(&whole), Ok(leaves));
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&flipped), Err(Damaged), "bit {bit}");
        }
    }

    #[test]
    fn what_a_newer_version_wrote_is_told_from_damage() {
        let bytes = Record::new(7, &signed(&[]), &[]).unwrap().to_bytes(0);
        let mut header: [u8; HEADER_BYTES] = bytes[..HEADER_BYTES].try_into().unwrap();
        header[VERSION_AT] = 2;
        assert_eq!(Header::from_bytes(&header), Err(NoHeader::Newer));
        header[VERSION_AT] = 0;
        assert_eq!(Header::from_bytes(&header), Err(NoHeader::Damaged));
        assert_eq!(Header::from_bytes(&[0; HEADER_BYTES]), Err(NoHeader::Damaged));
    }

    #[test]
    fn no_record_is_longer_than_is_reckoned_with() {
        for tokens in [0, 1, 100] {
            let leaves = fixture::leaves(&fixture::drawing(), tokens);
            let bytes = Record::new(7, &signed(&leaves), &leaves).unwrap().to_bytes(0).len() as u64;
            assert!(bytes <= most_bytes(tokens), "{bytes} of {}", most_bytes(tokens));
            assert!(u64::from(tokens) * 500 < bytes, "it is no wild guess");
        }
    }

    #[test]
    fn more_leaves_than_a_proof_can_be_of_are_refused() {
        let leaf = Leaf { candidates: Default::default(), ..fixture::leaf(&fixture::drawing(), 1) };
        let leaves = vec![leaf; MOST_LEAVES + 1];
        let signed = SignedReceipt { receipt: fixture::receipt(), signature: [5; 64] };
        assert_eq!(Record::new(7, &signed, &leaves).unwrap_err(), KeptError::TooLong);
        assert!(Record::new(7, &signed, &leaves[1..]).is_ok());
    }
}
