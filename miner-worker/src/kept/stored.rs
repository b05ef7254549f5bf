//! One record of a file, read as far as it is needed.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use cuckoo_primitives::{commitment::Leaf, evidence::SignedReceipt, AccountId};

use super::record::{Damaged, Front, Header, NoHeader, HEADER_BYTES};

/// A record that lies at this place of this file.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not what was written.
    #[error("it is damaged; check the disk")]
    Damaged,
    /// Another version of this program wrote it.
    #[error("a newer miner-worker wrote it")]
    Newer,
}

impl From<Damaged> for ReadError {
    fn from(Damaged: Damaged) -> Self {
        Self::Damaged
    }
}

impl From<NoHeader> for ReadError {
    fn from(reason: NoHeader) -> Self {
        match reason {
            NoHeader::Damaged => Self::Damaged,
            NoHeader::Newer => Self::Newer,
        }
    }
}

impl Stored {
    /// What it begins with.
    pub(super) fn header(&self) -> Result<Header, ReadError> {
        let mut bytes = [0; HEADER_BYTES];
        self.file.read_exact_at(&mut bytes, self.offset)?;
        Ok(Header::from_bytes(&bytes)?)
    }

    /// The receipt.
    pub(super) fn receipt(&self) -> Result<SignedReceipt, ReadError> {
        let header = self.header()?;
        Ok(self.front(&header)?.receipt()?)
    }

    /// How many leaves there are.
    pub(super) fn count(&self) -> Result<u32, ReadError> {
        Ok(self.header()?.leaves)
    }

    /// `count` leaves from the one at `first` on; `None` if there are not so many.
    pub(super) fn leaves(&self, first: u32, count: u32) -> Result<Option<Vec<Leaf>>, ReadError> {
        let header = self.header()?;
        self.leaves_behind(&header, &self.front(&header)?, first, count)
    }

    /// The coordinator that the receipt names, and the same leaves if it is the one that asks.
    pub(super) fn leaves_for(
        &self,
        asker: &AccountId,
        first: u32,
        count: u32,
    ) -> Result<(AccountId, Option<Vec<Leaf>>), ReadError> {
        let header = self.header()?;
        let front = self.front(&header)?;
        let coordinator = front.receipt()?.receipt.spec.coordinator;
        let leaves = match coordinator == *asker {
            true => self.leaves_behind(&header, &front, first, count)?,
            false => None,
        };
        Ok((coordinator, leaves))
    }

    fn leaves_behind(
        &self,
        header: &Header,
        front: &Front,
        first: u32,
        count: u32,
    ) -> Result<Option<Vec<Leaf>>, ReadError> {
        let Some((begin, end)) = front.range(first, count) else { return Ok(None) };
        let offset = self.offset + HEADER_BYTES as u64 + header.front_bytes() + u64::from(begin);
        let bytes = self.bytes(offset, u64::from(end.checked_sub(begin).ok_or(Damaged)?))?;
        Ok(Some(front.leaves(first, count, &bytes)?))
    }

    /// Whether all of it is what was written.
    pub(super) fn check(&self, header: &Header) -> Result<(), ReadError> {
        self.front(header)?.receipt()?;
        match self.leaves(0, header.leaves)? {
            Some(_) => Ok(()),
            None => Err(ReadError::Damaged),
        }
    }

    fn front(&self, header: &Header) -> Result<Front, ReadError> {
        let bytes = self.bytes(self.offset + HEADER_BYTES as u64, header.front_bytes())?;
        Ok(Front::new(header, bytes)?)
    }

    /// What is not there is not allocated for.
    fn bytes(&self, offset: u64, count: u64) -> Result<Vec<u8>, ReadError> {
        let end = offset.checked_add(count).ok_or(ReadError::Damaged)?;
        if end > self.file.metadata()?.len() {
            return Err(ReadError::Damaged);
        }
        let mut bytes = vec![0; count as usize];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}
