//! Log-probabilities of an answer, as a miner reports them.

use cuckoo_wire::{limits::MAX_TOKEN_BYTES, link};

use super::failure::Failure;

/// A token and how likely it was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TokenLogprob {
    /// What it stands for; not always whole characters.
    pub(crate) bytes: Box<[u8]>,
    /// Finite and at most 0.
    pub(crate) logprob: f32,
}

/// What was chosen, and what else might have been.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TokenLogprobs {
    /// The token of the answer.
    pub(crate) chosen: TokenLogprob,
    /// The most likely first, at most as many as were asked for.
    pub(crate) top: Vec<TokenLogprob>,
}

/// What a report takes of what an answer may have: more than on the link, where an empty one is next to nothing.
pub(crate) fn weight_of(reports: &[link::TokenLogprobs]) -> usize {
    let entries = reports.iter().flat_map(|report| report.chosen.iter().chain(&report.top));
    let entries = entries.map(|entry| size_of::<link::TokenLogprob>() + entry.bytes.len());
    entries.sum::<usize>().saturating_add(size_of_val(reports))
}

/// Reads the reports of a piece of `tokens` tokens, `top` alternatives being asked for, or none at all. An error is a
/// violation: no honest miner sends such a piece. What is read shares no memory with the message.
pub(super) fn read(
    reports: &[link::TokenLogprobs],
    tokens: u32,
    top: Option<u32>,
) -> Result<Vec<TokenLogprobs>, Failure> {
    let Some(top) = top else {
        return match reports {
            [] => Ok(Vec::new()),
            _ => Err(Failure::Violation("log-probabilities that nobody had asked for")),
        };
    };
    if reports.len() != tokens as usize {
        return Err(Failure::Violation("not the log-probability of each token"));
    }
    let reports = reports.iter().map(|report| {
        let chosen = read_entry(report.chosen.as_ref()?)?;
        let has_shape = report.top.len() <= top as usize;
        has_shape.then_some(())?;
        let top = report.top.iter().map(read_entry).collect::<Option<_>>()?;
        Some(TokenLogprobs { chosen, top })
    });
    reports.collect::<Option<_>>().ok_or(Failure::Violation("log-probabilities that are none"))
}

fn read_entry(entry: &link::TokenLogprob) -> Option<TokenLogprob> {
    let is_one = entry.logprob.is_finite() && entry.logprob <= 0.0 && entry.bytes.len() <= MAX_TOKEN_BYTES;
    is_one.then(|| TokenLogprob { bytes: entry.bytes.as_ref().into(), logprob: entry.logprob })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(logprob: f32, bytes: usize) -> link::TokenLogprob {
        link::TokenLogprob { bytes: vec![b'a'; bytes].into(), logprob }
    }

    fn report(logprob: f32, top: usize) -> link::TokenLogprobs {
        link::TokenLogprobs { chosen: Some(entry(logprob, 1)), top: vec![entry(-1.0, 1); top] }
    }

    fn is_violation(reports: &[link::TokenLogprobs], tokens: u32, top: Option<u32>) -> bool {
        matches!(read(reports, tokens, top), Err(Failure::Violation(_)))
    }

    #[test]
    fn there_is_one_for_each_token_or_none() {
        assert_eq!(read(&[report(-0.5, 2), report(0.0, 1)], 2, Some(2)).unwrap().len(), 2);
        assert_eq!(read(&[], 7, None).unwrap(), []);
        assert_eq!(read(&[], 0, Some(2)).unwrap(), []);
        for (reports, tokens, top) in [(1, 1, None), (1, 2, Some(0)), (2, 1, Some(0)), (0, 1, Some(0))] {
            assert!(is_violation(&vec![report(-0.5, 0); reports], tokens, top), "{reports} {tokens} {top:?}");
        }
    }

    #[test]
    fn they_are_numbers_of_tokens_and_not_too_many() {
        for logprob in [0.1, f32::NAN, f32::NEG_INFINITY, f32::INFINITY] {
            assert!(is_violation(&[report(logprob, 0)], 1, Some(0)), "{logprob}");
        }
        assert!(is_violation(&[report(-0.5, 3)], 1, Some(2)));
        let chosen = Some(entry(-0.5, MAX_TOKEN_BYTES + 1));
        assert!(is_violation(&[link::TokenLogprobs { chosen, top: vec![] }], 1, Some(0)));
        assert!(is_violation(&[link::TokenLogprobs::default()], 1, Some(0)));
        let top = vec![entry(f32::NAN, 1)];
        assert!(is_violation(&[link::TokenLogprobs { top, ..report(-0.5, 0) }], 1, Some(1)));
    }

    #[test]
    fn empty_reports_weigh_something() {
        assert!(weight_of(&vec![link::TokenLogprobs::default(); 10]) >= 10 * 16);
        assert!(weight_of(&[report(-0.5, 20)]) > 21 * 16);
    }
}
