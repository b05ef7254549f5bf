//! How long a server is listened to that says nothing of use.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::EngineError;

/// No answer takes longer than this, however slowly it is said or read.
const LONGEST: Duration = Duration::from_secs(3_600);
/// Chunks without text that an answer may have, beside one for each of its tokens: they name who speaks, report progress
/// or show that somebody is there.
const MAX_EMPTY_CHUNKS: u32 = 1_000;

/// What is left for an answer under way.
#[derive(Debug)]
pub(super) struct Patience {
    end: Instant,
    /// Since when a piece of text is waited for, and how long at most. Signs of life change nothing.
    since: Instant,
    limit: Duration,
    empty_chunks_left: u32,
}

impl Patience {
    /// For an answer of at most `tokens` tokens, whose first piece of text may take as long as `first`.
    pub(super) fn new(first: Duration, tokens: u32) -> Self {
        let now = Instant::now();
        let empty_chunks_left = MAX_EMPTY_CHUNKS.saturating_add(tokens);
        Self { end: now + LONGEST, since: now, limit: first, empty_chunks_left }
    }

    /// There was a piece of text; the next one may take as long as `limit`.
    pub(super) fn begin_anew(&mut self, limit: Duration) {
        self.since = Instant::now();
        self.limit = limit;
    }

    /// There was a chunk without text.
    pub(super) fn count_empty(&mut self) -> Result<(), EngineError> {
        let left = self.empty_chunks_left.checked_sub(1);
        self.empty_chunks_left =
            left.ok_or_else(|| EngineError::Internal("the server sends chunk after chunk without text".into()))?;
        Ok(())
    }

    /// How long the next piece may take from now on.
    pub(super) fn left(&self) -> Result<Duration, EngineError> {
        let left = self.end.min(self.since + self.limit).saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.is_over());
        }
        Ok(left)
    }

    /// Why nothing more is waited for.
    pub(super) fn is_over(&self) -> EngineError {
        EngineError::Internal(if self.end < self.since + self.limit {
            format!("the server's answer takes more than {} s", LONGEST.as_secs())
        } else {
            format!("the server said nothing for {} s", self.limit.as_secs_f32())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_chunks_are_as_many_as_tokens_and_some() {
        let mut patience = Patience::new(LONGEST, 5);
        (0..MAX_EMPTY_CHUNKS + 5).for_each(|_| patience.count_empty().unwrap());
        assert!(patience.count_empty().is_err());
    }

    #[test]
    fn it_ends_with_the_piece_or_with_the_whole_answer() {
        let mut patience = Patience::new(Duration::ZERO, 5);
        assert!(patience.left().unwrap_err().to_string().contains("nothing for"));
        patience.begin_anew(2 * LONGEST);
        assert!(patience.left().unwrap() <= LONGEST);
        patience.end = Instant::now();
        assert!(patience.left().unwrap_err().to_string().contains("takes more than"));
    }
}
