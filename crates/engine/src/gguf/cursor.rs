//! Reads a header from its beginning on, never past the file's end.

use std::ops::Range;

/// A place in the bytes of a file.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    /// Never past the end.
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes that were read.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> u64 {
        (self.bytes.len() - self.position) as u64
    }

    /// Where the next `length` bytes are; `what` is for the error.
    pub(super) fn skip(&mut self, length: u64, what: &str) -> Result<Range<usize>, String> {
        let end = usize::try_from(length).ok().and_then(|length| self.position.checked_add(length));
        let Some(end) = end.filter(|end| *end <= self.bytes.len()) else {
            let (position, left) = (self.position, self.left());
            return Err(format!("{what} at byte {position} takes {length} bytes, but the file ends after {left}"));
        };
        let range = self.position..end;
        self.position = end;
        Ok(range)
    }

    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], String> {
        let range = self.skip(N as u64, what)?;
        let bytes = self.bytes.get(range).and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| format!("{what} cannot be read"))
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32, String> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64, String> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A number of things of at least `least` bytes each: never more than `most`, nor than there is room for.
    pub(super) fn count(&mut self, what: &str, most: u64, least: u64) -> Result<u64, String> {
        let count = self.u64(what)?;
        let room = self.left().checked_div(least).unwrap_or(0);
        match count {
            _ if count > most => Err(format!("{what}: {count} are too many, at most {most} are read")),
            _ if count > room => Err(format!("{what}: {count} do not fit into the file, which has room for {room}")),
            _ => Ok(count),
        }
    }

    /// The name of a key or tensor.
    pub(super) fn name(&mut self, what: &str, most: u64) -> Result<&'a str, String> {
        let length = self.u64(what)?;
        if length == 0 || length > most {
            return Err(format!("{what} has {length} bytes, 1 to {most} are expected"));
        }
        let range = self.skip(length, what)?;
        let bytes = self.bytes.get(range).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| format!("{what} is not UTF-8"))
    }
}
