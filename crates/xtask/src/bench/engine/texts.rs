//! Texts of a wanted number of tokens, no two alike, so that nothing read before helps with them.

use anyhow::bail;
use serde_json::json;

use super::contender::Contender;

/// Words that are one token each in the usual vocabularies.
const WORDS: [&str; 48] = [
    "river", "spring", "people", "valley", "boats", "stone", "wall", "water", "stories", "winter", "house", "road",
    "morning", "window", "letter", "garden", "bread", "market", "music", "silver", "paper", "mountain", "forest",
    "horse", "engine", "summer", "island", "captain", "village", "harbour", "bridge", "table", "doctor", "teacher",
    "children", "evening", "shadow", "light", "fire", "green", "small", "old", "long", "cold", "quiet", "north",
    "glass", "wind",
];

/// Makes texts.
pub(super) struct Texts {
    state: u64,
}

impl Texts {
    /// The texts of a round are the same in each run.
    pub(super) fn of_round(round: u32) -> Self {
        Self { state: u64::from(round) + 1 }
    }

    /// A text of exactly so many tokens, as `counter` counts them.
    pub(super) fn of(&mut self, tokens: usize, counter: &mut Contender) -> anyhow::Result<String> {
        let mut words = vec!["The"];
        words.extend((1..tokens).map(|_| self.word()));
        // A vocabulary that begins texts with a token of its own, or splits a word, needs a few words less.
        for _ in 0..8 {
            let text = words.join(" ");
            let counted = counter.number(&json!({"ask": "count", "text": text}), "tokens")? as usize;
            match counted.checked_sub(tokens) {
                Some(0) => return Ok(text),
                Some(more) => words.truncate(words.len().saturating_sub(more).max(1)),
                None => words.extend((counted..tokens).map(|_| self.word())),
            }
        }
        bail!("no text of {tokens} tokens was found: the vocabulary splits common words");
    }

    /// Several such texts.
    pub(super) fn several(
        &mut self,
        count: usize,
        tokens: usize,
        counter: &mut Contender,
    ) -> anyhow::Result<Vec<String>> {
        (0..count).map(|_| self.of(tokens, counter)).collect()
    }

    /// The next word, drawn by SplitMix64.
    fn word(&mut self) -> &'static str {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        WORDS[((mixed ^ (mixed >> 31)) % WORDS.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_round_repeat_and_those_of_two_rounds_differ() {
        let words = |round| {
            let mut texts = Texts::of_round(round);
            (0..100).map(|_| texts.word()).collect::<Vec<_>>()
        };
        assert_eq!(words(1), words(1));
        assert_ne!(words(1), words(2));
    }
}
