//! Tokens on their way to the coordinator, and what it is told of them.

use cuckoo_primitives::commitment::Leaf;
use cuckoo_wire::link::{self, FailureCode};

use super::{
    logprobs::{encoded_len, MAX_REPORT_BYTES},
    work::Failed,
};

/// What the number of a token takes of a message at most.
const NUMBER_BYTES: usize = 5;

/// Tokens on their way to the coordinator.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tokens {
    /// How many; the one that ended the text is not counted.
    pub(super) count: u32,
    /// One for each of them if they were asked for, else none.
    pub(super) logprobs: Vec<link::TokenLogprobs>,
    /// One for each of them where draws are committed to, else none.
    pub(super) leaves: Vec<Leaf>,
    /// The token that ended the text, if one did and draws are committed to.
    pub(super) end: Option<Leaf>,
}

impl Tokens {
    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.end.is_none()
    }

    /// Adds those that come next.
    pub(super) fn add(&mut self, next: Self) {
        let Self { count, logprobs, leaves, end } = next;
        self.count = self.count.saturating_add(count);
        self.logprobs.extend(logprobs);
        self.leaves.extend(leaves);
        self.end = end.or(self.end.take());
    }

    /// Refuses to tell of some tokens only, or what nobody asked for.
    pub(super) fn check(&self, is_reported: bool, is_committed: bool) -> Result<(), Failed> {
        let expected = |is_told: bool| if is_told { self.count as usize } else { 0 };
        let lacks = |what: &str| Err(Failed::new(FailureCode::Internal, format!("the model did not report {what}")));
        if self.logprobs.len() != expected(is_reported) {
            return lacks("the log-probability of each token");
        }
        if self.leaves.len() != expected(is_committed) {
            return lacks("how it drew each token");
        }
        Ok(())
    }

    /// Cuts them into messages, one at least, each with what belongs to its tokens.
    pub(super) fn split(self) -> Vec<Self> {
        let Self { count, logprobs, leaves, end } = self;
        if logprobs.is_empty() && leaves.is_empty() {
            return vec![Self { count, logprobs, leaves, end }];
        }
        let (mut logprobs, mut leaves) = (logprobs.into_iter(), leaves.into_iter());
        let (mut full, mut message, mut bytes) = (Vec::new(), Self::default(), 0);
        for _ in 0..count {
            if bytes >= MAX_REPORT_BYTES {
                full.push(std::mem::take(&mut message));
                bytes = 0;
            }
            let next = Self {
                count: 1,
                logprobs: logprobs.next().into_iter().collect(),
                leaves: leaves.next().into_iter().collect(),
                end: None,
            };
            bytes += NUMBER_BYTES + next.logprobs.iter().map(encoded_len).sum::<usize>();
            message.add(next);
        }
        full.push(Self { end, ..message });
        full
    }
}

#[cfg(test)]
mod tests {
    use cuckoo_engine::{TokenLogprob, TokenLogprobs};
    use cuckoo_primitives::fixture;
    use cuckoo_wire::limits::{MAX_MINER_MESSAGE_BYTES, MAX_TOKEN_BYTES, MAX_TOP_LOGPROBS};
    use prost::Message;

    use super::*;
    use crate::link::{batch::MAX_PIECE_BYTES, logprobs::to_wire};

    fn report(bytes: usize) -> link::TokenLogprobs {
        let token = || TokenLogprob { token: 1, bytes: vec![b'a'; bytes], logprob: -0.5 };
        to_wire(TokenLogprobs { chosen: token(), top: (0..MAX_TOP_LOGPROBS).map(|_| token()).collect() })
    }

    fn leaf(token: u32) -> Leaf {
        Leaf { token, ..fixture::leaf(&fixture::drawing(), 1) }
    }

    /// So many tokens with all that can be told of them.
    fn tokens(count: u32, reported_bytes: Option<usize>, is_committed: bool) -> Tokens {
        let logprobs = reported_bytes.map(|bytes| vec![report(bytes); count as usize]).unwrap_or_default();
        let leaves = if is_committed { (0..count).map(leaf).collect() } else { Vec::new() };
        Tokens { count, logprobs, leaves, end: is_committed.then(|| leaf(u32::MAX)) }
    }

    fn message(tokens: &Tokens) -> link::Output {
        link::Output {
            task_id: vec![0; 16].into(),
            attempt: u32::MAX,
            text: "x".repeat(MAX_PIECE_BYTES),
            tokens: tokens.count,
            logprobs: tokens.logprobs.clone(),
            // The longest there are.
            token_ids: tokens.leaves.iter().chain(&tokens.end).map(|_| u32::MAX).collect(),
            signature: vec![0; 64].into(),
            ..Default::default()
        }
    }

    #[test]
    fn every_token_counts_once_and_no_message_is_too_long() {
        for bytes in [None, Some(0), Some(10), Some(MAX_TOKEN_BYTES), Some(10 * MAX_TOKEN_BYTES)] {
            for is_committed in [false, true] {
                let all = tokens(if bytes.is_none() { 30_000 } else { 300 }, bytes, is_committed);
                let messages = all.clone().split();
                assert!(messages.iter().all(|it| it.check(bytes.is_some(), is_committed).is_ok()));
                assert!(messages.iter().all(|it| message(it).encoded_len() < MAX_MINER_MESSAGE_BYTES));
                let (_, before) = messages.split_last().unwrap();
                assert!(before.iter().all(|it| it.end.is_none() && it.count > 0));
                let mut whole = Tokens::default();
                messages.into_iter().for_each(|it| whole.add(it));
                assert!(whole == all, "{bytes:?}");
            }
        }
    }

    #[test]
    fn no_tokens_are_one_message() {
        let end = Tokens { end: Some(leaf(7)), ..Tokens::default() };
        assert_eq!(end.clone().split(), std::slice::from_ref(&end));
        assert!(!end.is_empty() && Tokens::default().is_empty());
        assert_eq!(Tokens::default().split(), [Tokens::default()]);
    }

    #[test]
    fn what_is_told_of_some_only_is_refused() {
        tokens(3, Some(1), true).check(true, true).unwrap();
        tokens(3, None, false).check(false, false).unwrap();
        for (told, is_reported, is_committed, lacking) in [
            (tokens(3, None, true), true, true, "log-probability"),
            (Tokens { count: 4, ..tokens(3, Some(1), true) }, true, true, "log-probability"),
            (tokens(3, Some(1), true), false, true, "log-probability"),
            (tokens(3, Some(1), false), true, true, "drew"),
            (tokens(3, None, true), false, false, "drew"),
        ] {
            let failed = told.check(is_reported, is_committed).unwrap_err();
            assert_eq!(failed.code, FailureCode::Internal);
            assert!(failed.reason.contains(lacking), "{}", failed.reason);
        }
    }
}
