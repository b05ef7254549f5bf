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

/// Cuts reports into messages, each with the number of its tokens; without reports one message has all `tokens`.
pub(super) fn split(reports: Vec<link::TokenLogprobs>, tokens: u32) -> Vec<(u32, Vec<link::TokenLogprobs>)> {
    if reports.is_empty() {
        return vec![(tokens, reports)];
    }
    let mut messages = Vec::new();
    let (mut message, mut bytes) = (Vec::new(), 0);
    for report in reports {
        bytes += encoded_len(&report);
        message.push(report);
        if bytes >= MAX_REPORT_BYTES {
            bytes = 0;
            messages.push(std::mem::take(&mut message));
        }
    }
    if !message.is_empty() {
        messages.push(message);
    }
    messages.into_iter().map(|reports| (u32::try_from(reports.len()).unwrap_or(u32::MAX), reports)).collect()
}

#[cfg(test)]
mod tests {
    use cuckoo_wire::limits::{MAX_MINER_MESSAGE_BYTES, MAX_TOP_LOGPROBS};

    use super::*;

    fn report(bytes: usize) -> link::TokenLogprobs {
        let token = || TokenLogprob { token: 1, bytes: vec![b'a'; bytes], logprob: -0.5 };
        to_wire(TokenLogprobs { chosen: token(), top: (0..MAX_TOP_LOGPROBS).map(|_| token()).collect() })
    }

    #[test]
    fn every_token_counts_once_and_no_message_is_too_long() {
        for bytes in [0, 10, MAX_TOKEN_BYTES, 10 * MAX_TOKEN_BYTES] {
            let messages = split(vec![report(bytes); 300], 300);
            assert_eq!(messages.iter().map(|(tokens, _)| tokens).sum::<u32>(), 300);
            for (tokens, logprobs) in messages {
                assert_eq!(logprobs.len(), tokens as usize);
                let text = "x".repeat(16 * 1024);
                let reports: usize = logprobs.iter().map(encoded_len).sum();
                assert!(text.len() + reports < MAX_MINER_MESSAGE_BYTES - 1024, "{bytes}");
            }
        }
    }

    #[test]
    fn without_reports_the_tokens_are_in_one_message() {
        assert_eq!(split(vec![], 7), [(7, vec![])]);
    }
}
