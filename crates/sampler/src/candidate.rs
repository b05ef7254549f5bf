//! A token that may come next.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Most tokens among which one is drawn.
pub const MAX_CANDIDATES: usize = 64;
/// Largest logit, either way, in 2^-16: 16,384.
pub const MAX_LOGIT: i32 = 1 << 30;

/// A token that may come next.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Candidate {
    /// Its number in the vocabulary.
    pub token: u32,
    /// How likely it is: the natural logarithm of its share but for a constant, in 2^-16, from -[`MAX_LOGIT`] to
    /// [`MAX_LOGIT`].
    pub logit: i32,
}

impl Candidate {
    /// Whether it stands before `other` in a list: it is likelier or, being as likely, has the smaller number.
    pub fn is_before(&self, other: &Self) -> bool {
        (core::cmp::Reverse(self.logit), self.token) < (core::cmp::Reverse(other.logit), other.token)
    }
}

/// Whether a list of candidates is one that can be drawn from: neither empty nor too long, each before the next, no token
/// twice, all logits within their bounds.
pub fn are_ordered(candidates: &[Candidate]) -> bool {
    let is_bounded = |it: &Candidate| (-MAX_LOGIT..=MAX_LOGIT).contains(&it.logit);
    let follows = |pair: &[Candidate]| matches!(pair, [one, next] if one.is_before(next));
    // Of a token that is there twice with two logits the order does not tell.
    let is_alone =
        |(index, it): (usize, &Candidate)| candidates.iter().take(index).all(|other| other.token != it.token);
    (1..=MAX_CANDIDATES).contains(&candidates.len())
        && candidates.iter().all(is_bounded)
        && candidates.windows(2).all(follows)
        && candidates.iter().enumerate().all(is_alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(of: &[(u32, i32)]) -> Vec<Candidate> {
        of.iter().map(|(token, logit)| Candidate { token: *token, logit: *logit }).collect()
    }

    #[test]
    fn a_list_is_in_order_bounded_and_without_repetition() {
        assert!(are_ordered(&list(&[(7, 5)])));
        assert!(are_ordered(&list(&[(7, 5), (1, 4), (2, 4), (0, -MAX_LOGIT)])));
        assert!(are_ordered(&list(&(0..64).map(|token| (token, -(token as i32))).collect::<Vec<_>>())));
        for broken in [
            list(&[]),
            list(&[(7, 4), (1, 5)]),
            list(&[(2, 4), (1, 4)]),
            list(&[(1, 4), (1, 4)]),
            list(&[(1, 5), (2, 4), (1, 3)]),
            list(&[(1, MAX_LOGIT + 1)]),
            list(&[(1, i32::MIN)]),
            list(&(0..65).map(|token| (token, -(token as i32))).collect::<Vec<_>>()),
        ] {
            assert!(!are_ordered(&broken), "{broken:?}");
        }
    }
}
