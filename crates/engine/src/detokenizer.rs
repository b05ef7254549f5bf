//! From tokens back to text, one token at a time, never cutting a character in two.

use std::{collections::HashMap, sync::Arc};

/// The bytes that each token of a vocabulary stands for; control tokens stand for none.
#[derive(Debug)]
pub(crate) struct TokenBytes {
    bytes: Vec<u8>,
    /// Token `id` is `bytes[ends[id - 1]..ends[id]]`.
    ends: Vec<u32>,
}

impl TokenBytes {
    /// Collects the bytes of all tokens in the order of their ids.
    pub(crate) fn new<T: AsRef<[u8]>>(tokens: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut table = Self { bytes: Vec::new(), ends: Vec::new() };
        for token in tokens {
            table.bytes.extend_from_slice(token.as_ref());
            table.ends.push(u32::try_from(table.bytes.len()).ok()?);
        }
        Some(table)
    }

    /// How many tokens there are.
    pub(crate) fn tokens(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of each token, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> + '_ {
        (0u32..).take(self.tokens()).map(|token| self.get(token))
    }

    /// The same as a list.
    pub(crate) fn all(&self) -> Vec<Vec<u8>> {
        self.iter().map(<[u8]>::to_vec).collect()
    }

    /// Empty for control tokens and for numbers that are not in the vocabulary.
    pub(crate) fn get(&self, token: u32) -> &[u8] {
        let index = token as usize;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(index).and_then(|end| self.bytes.get(start as usize..*end as usize)).unwrap_or_default()
    }
}

/// The printable stand-ins that byte-level BPE vocabularies use for bytes: a byte that is printable Latin-1 stands for
/// itself, the others, in order, for the characters from U+0100 on.
pub(crate) fn byte_of_char() -> HashMap<char, u8> {
    let mut next_stand_in = 0x100u32;
    (0..=u8::MAX)
        .filter_map(|byte| {
            let character = match byte {
                0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
                _ => {
                    let character = char::from_u32(next_stand_in)?;
                    next_stand_in += 1;
                    character
                }
            };
            Some((character, byte))
        })
        .collect()
}

/// Turns the tokens of one generation into text. Bytes that can never become a character are replaced by U+FFFD.
#[derive(Debug)]
pub(crate) struct Detokenizer {
    table: Arc<TokenBytes>,
    /// The beginning of a character whose end has not come yet; at most three bytes between calls.
    pending: Vec<u8>,
}

impl Detokenizer {
    pub(crate) fn new(table: Arc<TokenBytes>) -> Self {
        Self { table, pending: Vec::new() }
    }

    /// The whole characters that are complete with `token`; often none, sometimes several.
    pub(crate) fn push(&mut self, token: u32) -> String {
        self.pending.extend_from_slice(self.table.get(token));
        let mut text = String::new();
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(valid) => {
                    text.push_str(valid);
                    self.pending.clear();
                    return text;
                }
                Err(error) => {
                    let (valid, rest) = self.pending.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    let Some(invalid) = error.error_len() else {
                        self.pending = rest.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.pending = rest.get(invalid..).unwrap_or_default().to_vec();
                }
            }
        }
    }

    /// What is left when no more tokens come: U+FFFD for a character that was never finished.
    pub(crate) fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn per_byte() -> Arc<TokenBytes> {
        Arc::new(TokenBytes::new((0..=u8::MAX).map(|byte| [byte])).unwrap())
    }

    fn pieces(bytes: &[u8]) -> Vec<String> {
        let mut detokenizer = Detokenizer::new(per_byte());
        let mut pieces: Vec<_> = bytes.iter().map(|byte| detokenizer.push(u32::from(*byte))).collect();
        pieces.push(detokenizer.finish());
        pieces
    }

    #[test]
    fn a_character_appears_with_its_last_byte() {
        assert_eq!(pieces("a🦆".as_bytes()), ["a", "", "", "", "🦆", ""]);
    }

    #[test]
    fn an_unfinished_character_is_replaced_at_the_end() {
        assert_eq!(pieces(&"🦆".as_bytes()[..3]), ["", "", "", "\u{fffd}"]);
    }

    #[test]
    fn impossible_bytes_are_replaced_at_once() {
        assert_eq!(pieces(&[0xff, b'a']), ["\u{fffd}", "a", ""]);
        assert_eq!(pieces(&[0xe2, b'a']), ["", "\u{fffd}a", ""]);
    }

    #[test]
    fn tokens_outside_the_vocabulary_stand_for_nothing() {
        let mut detokenizer = Detokenizer::new(per_byte());
        assert_eq!(detokenizer.push(256), "");
        assert_eq!(detokenizer.push(u32::MAX), "");
    }

    #[test]
    fn stand_ins_cover_every_byte_once() {
        let map = byte_of_char();
        assert_eq!(map.len(), 256);
        assert_eq!(map[&'A'], b'A');
        assert_eq!(map[&'Ġ'], b' ');
        assert_eq!(map[&'Ċ'], b'\n');
        assert_eq!(map.values().collect::<std::collections::HashSet<_>>().len(), 256);
    }

    proptest! {
        #[test]
        fn any_text_comes_back_whole(text in "\\PC*") {
            prop_assert_eq!(pieces(text.as_bytes()).concat(), text);
        }

        #[test]
        fn any_bytes_come_back_as_the_lossy_text(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(pieces(&bytes).concat(), String::from_utf8_lossy(&bytes));
        }
    }
}
