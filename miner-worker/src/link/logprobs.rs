//! Log-probabilities as they cross the link.

use cuckoo_engine::{TokenLogprob, TokenLogprobs};
use cuckoo_wire::{limits::MAX_TOKEN_BYTES, link};

/// Of one message, about; with text and one token more it is still far from what a coordinator reads.
pub(super) const MAX_REPORT_BYTES: usize = 48 * 1024;

/// Around the bytes of a token: the number, tags and lengths, also of the report that it is part of.
const ENTRY_BYTES: usize = 16;

/// As the coordinator is told.
pub(super) fn to_wire(logprobs: TokenLogprobs) -> link::TokenLogprobs {
    let TokenLogprobs { chosen, top } = logprobs;
    link::TokenLogprobs { chosen: Some(entry(chosen)), top: top.into_iter().map(entry).collect() }
}

fn entry(TokenLogprob { mut bytes, logprob, .. }: TokenLogprob) -> link::TokenLogprob {
    bytes.truncate(MAX_TOKEN_BYTES);
    link::TokenLogprob { bytes: bytes.into(), logprob }
}

/// What a report takes of a message at most.
pub(super) fn encoded_len(report: &link::TokenLogprobs) -> usize {
    report.chosen.iter().chain(&report.top).map(|entry| ENTRY_BYTES + entry.bytes.len()).sum()
}
