//! One record of a wallet file: 256 bytes that say for themselves whether they are whole.

use std::fmt;

use codec::{Decode, Encode};
use crc::{Crc, CRC_32_ISCSI};
use cuckoo_primitives::{settlement::SignedVoucher, AccountId, Balance, EraIndex, Hash};

/// Length of every record. With one length, damage in one record never shifts those after it.
pub(crate) const RECORD_BYTES: usize = 256;
/// What the checksum at the end covers.
const BODY_BYTES: usize = RECORD_BYTES - 4;
/// CRC32C: it finds every damage of up to 32 bits in a row.
static CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Record {
    /// How many records of this file were known to be on the disk when this one was written. A damaged one among them
    /// is no write that was cut short.
    pub(crate) durable: u64,
    /// When it was written, in seconds since 1970.
    pub(crate) time_s: u64,
    /// What it says.
    pub(crate) entry: Entry,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Entry {
    /// Begins every wallet.
    #[codec(index = 0)]
    Wallet {
        /// The chain on which its vouchers count.
        genesis: Hash,
        /// What its channels follow from.
        seed: Seed,
    },
    /// A voucher. Of one channel the highest counts, of equal ones the last.
    #[codec(index = 1)]
    Voucher {
        /// The voucher.
        signed: SignedVoucher,
        /// The era in which it came.
        era: EraIndex,
    },
    /// New links to this coordinator use the channel of this generation.
    #[codec(index = 2)]
    Generation {
        /// Its stash.
        coordinator: AccountId,
        /// See [`channel_of`](cuckoo_primitives::settlement::channel_of).
        generation: u32,
    },
    /// What was promised on one day so far; replaces what was written before for that day.
    #[codec(index = 3)]
    Earned {
        /// The coordinator's stash.
        coordinator: AccountId,
        /// Days since 1970, UTC.
        day: u32,
        /// In planck.
        amount: Balance,
        /// Tasks.
        tasks: u64,
    },
    /// What a coordinator has left unpaid; replaces what was written before.
    #[codec(index = 4)]
    Unpaid {
        /// Its stash.
        coordinator: AccountId,
        /// What is held against it, less what came late and what is forgiven, in planck.
        amount: Balance,
        /// How full the bucket was, in thousandths of a step.
        permille: u32,
    },
}

/// A wallet's secret. Whoever has it can compute the wallet's channels, and nothing else.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Seed(pub(crate) [u8; 32]);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadRecord {
    /// They are not what was written.
    Damaged,
    /// They are whole, but another version of this program wrote them.
    Unknown,
}

impl Record {
    /// The record as it is written.
    pub(crate) fn to_bytes(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        let (body, sum) = bytes.split_at_mut(BODY_BYTES);
        body.iter_mut().zip(self.encode()).for_each(|(to, from)| *to = from);
        sum.copy_from_slice(&CHECKSUM.checksum(body).to_le_bytes());
        bytes
    }

    /// Reads what [`Record::to_bytes`] made.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, BadRecord> {
        if bytes.len() != RECORD_BYTES {
            return Err(BadRecord::Damaged);
        }
        let (mut body, sum) = bytes.split_at(BODY_BYTES);
        if CHECKSUM.checksum(body).to_le_bytes() != sum {
            return Err(BadRecord::Damaged);
        }
        let record = Self::decode(&mut body).map_err(|_| BadRecord::Unknown)?;
        match body.iter().all(|byte| *byte == 0) {
            true => Ok(record),
            false => Err(BadRecord::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::fixture::{account, voucher};

    fn entries() -> Vec<Entry> {
        vec![
            Entry::Wallet { genesis: Hash::repeat_byte(1), seed: Seed([2; 32]) },
            Entry::Voucher { signed: voucher(3, 4, u128::MAX), era: u32::MAX },
            Entry::Generation { coordinator: account(1), generation: u32::MAX },
            Entry::Earned { coordinator: account(1), day: 20_000, amount: u128::MAX, tasks: u64::MAX },
            Entry::Unpaid { coordinator: account(1), amount: u128::MAX, permille: 3_000 },
        ]
    }

    #[test]
    fn every_kind_of_record_is_read_back_and_fits() {
        for entry in entries() {
            let record = Record { durable: u64::MAX, time_s: 7, entry };
            assert!(record.encode().len() <= BODY_BYTES, "{record:?}");
            assert_eq!(Record::from_bytes(&record.to_bytes()), Ok(record));
        }
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        for entry in entries() {
            let whole = Record { durable: 5, time_s: 7, entry }.to_bytes();
            for bit in 0..RECORD_BYTES * 8 {
                let mut flipped = whole;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Record::from_bytes(&flipped), Err(BadRecord::Damaged));
            }
        }
    }

    #[test]
    fn empty_and_short_records_are_damaged() {
        assert_eq!(Record::from_bytes(&[0; RECORD_BYTES]), Err(BadRecord::Damaged));
        let whole = Record { durable: 0, time_s: 0, entry: entries().remove(2) }.to_bytes();
        assert_eq!(Record::from_bytes(&whole[..RECORD_BYTES - 1]), Err(BadRecord::Damaged));
    }

    #[test]
    fn what_another_version_wrote_is_told_from_damage() {
        let mut bytes = Record { durable: 0, time_s: 0, entry: entries().remove(2) }.to_bytes();
        let (body, sum) = bytes.split_at_mut(BODY_BYTES);
        body[BODY_BYTES - 1] = 1;
        sum.copy_from_slice(&CHECKSUM.checksum(body).to_le_bytes());
        assert_eq!(Record::from_bytes(&bytes), Err(BadRecord::Unknown));
        let (body, sum) = bytes.split_at_mut(BODY_BYTES);
        // The kind comes after the two numbers.
        body[16] = 99;
        sum.copy_from_slice(&CHECKSUM.checksum(body).to_le_bytes());
        assert_eq!(Record::from_bytes(&bytes), Err(BadRecord::Unknown));
    }

    #[test]
    fn a_seed_is_never_shown() {
        assert!(!format!("{:?}", entries()).contains("[2, 2"));
    }
}
