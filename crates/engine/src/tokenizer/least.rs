//! The fewest tokens that a text can have, known without finding them.

use crate::control::BREAK;

/// Of each byte, how long the longest token is that holds it.
///
/// A token of `n` bytes is made of bytes for each of which `n` is at most that length; so its bytes, each counted as one
/// divided by that length, add up to one at most, and those of a text to its number of tokens at most.
#[derive(Debug)]
pub(super) struct LeastTokens {
    /// One divided by the length, in 2^-32, rounded down; 0 for a byte that is no token by itself and may be dropped.
    shares: [u64; 256],
    /// Whether the text is normalised before it is split, so that only plain bytes are sure to stay.
    is_normalised: bool,
}

impl LeastTokens {
    /// `tokens` are the bytes of all tokens, and the names of those that are found in a text by their names.
    pub(super) fn new<'a>(tokens: impl Iterator<Item = &'a [u8]>, is_normalised: bool) -> Self {
        let (mut longest, mut stays) = ([1u64; 256], [0u64; 256]);
        for token in tokens {
            if let [byte] = token {
                if let Some(stays) = stays.get_mut(usize::from(*byte)) {
                    *stays = 1;
                }
            }
            for byte in token {
                if let Some(longest) = longest.get_mut(usize::from(*byte)) {
                    *longest = (*longest).max(token.len() as u64);
                }
            }
        }
        let shares = longest.iter().zip(stays).map(|(longest, stays)| (1 << 32) / longest * stays);
        let mut least = Self { shares: [0; 256], is_normalised };
        least.shares.iter_mut().zip(shares).for_each(|(slot, share)| *slot = share);
        least
    }

    /// No more than there are.
    pub(super) fn of(&self, text: &str) -> usize {
        // Marks are dropped, whatever tokens have their bytes.
        let sum: u64 = text.split(BREAK).map(|part| self.sum(part.as_bytes())).sum();
        usize::try_from(sum.div_ceil(1 << 32)).unwrap_or(usize::MAX)
    }

    fn sum(&self, bytes: &[u8]) -> u64 {
        let share = |byte: &u8| self.shares.get(usize::from(*byte)).copied().unwrap_or(0);
        if self.is_normalised {
            // Composing takes characters beyond ASCII, and at most the one before them.
            let pairs = bytes.iter().zip(bytes.iter().skip(1));
            pairs.filter(|(byte, next)| byte.is_ascii() && next.is_ascii()).map(|(byte, _)| share(byte)).sum()
        } else {
            bytes.iter().map(share).sum()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With these tokens, and each byte that is none of "xyz" by itself.
    fn least(tokens: &[&str], is_normalised: bool) -> LeastTokens {
        let bytes: Vec<u8> = (0..=u8::MAX).filter(|byte| !b"xyz".contains(byte)).collect();
        LeastTokens::new(tokens.iter().map(|token| token.as_bytes()).chain(bytes.chunks(1)), is_normalised)
    }

    #[test]
    fn a_text_has_at_least_its_length_by_the_longest_tokens() {
        let least = least(&["aaaa", "ab", "é", "xx"], false);
        assert_eq!(least.of(&"a".repeat(400)), 100);
        assert_eq!(least.of("bb"), 1);
        assert_eq!(least.of(&"b".repeat(9)), 5);
        assert_eq!(least.of("éé"), 2);
        assert_eq!((least.of("xyz"), least.of("")), (0, 0), "what is no token by itself may be dropped");
    }

    #[test]
    fn what_normalising_may_change_does_not_count() {
        let least = least(&["é"], true);
        assert_eq!(least.of("aaaa "), 4, "the last one is left out");
        assert_eq!(least.of("e\u{301}e\u{301}"), 0);
        assert_eq!(least.of("ééé"), 0);
    }

    #[test]
    fn dropped_marks_do_not_count() {
        assert_eq!(least(&[], false).of(&BREAK.to_string().repeat(100)), 0);
    }
}
