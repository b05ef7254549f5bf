//! Stop strings, also those that end in another piece than they begin in.

/// Passes text through until one of the stop strings is complete. Text that may be the beginning of one is held back.
#[derive(Debug)]
pub(crate) struct StopMatcher {
    stops: Vec<String>,
    held: String,
}

/// What came of a piece of text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Matched {
    /// No stop string yet; this much is certain to be output.
    Passed(String),
    /// A stop string is complete; this is the output before it, and nothing more comes.
    Stopped(String),
}

impl StopMatcher {
    /// `stops` holds no empty string.
    pub(crate) fn new(stops: Vec<String>) -> Self {
        Self { stops, held: String::new() }
    }

    /// Adds `text`. Which stop string counts is the one that is complete first, the longest of several that end
    /// together, so the outcome does not depend on how the text was cut into pieces.
    pub(crate) fn push(&mut self, text: &str) -> Matched {
        self.held.push_str(text);
        let first = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop.as_str()).map(|start| (start + stop.len(), start)))
            .min();
        if let Some((_, start)) = first {
            self.held.truncate(start);
            return Matched::Stopped(std::mem::take(&mut self.held));
        }
        let kept = self.held.split_off(self.held.len() - self.longest_beginning());
        Matched::Passed(std::mem::replace(&mut self.held, kept))
    }

    /// What was held back and, since the text is over, is output after all.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Length of the longest end of `held` with which a stop string begins.
    fn longest_beginning(&self) -> usize {
        let longest_stop = self.stops.iter().map(String::len).max().unwrap_or(0);
        let earliest = self.held.len().saturating_sub(longest_stop);
        self.held
            .char_indices()
            .map(|(start, _)| start)
            .filter(|start| *start >= earliest)
            .find_map(|start| {
                let end = self.held.get(start..)?;
                self.stops.iter().any(|stop| stop.starts_with(end)).then_some(end.len())
            })
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Output, and whether it was stopped.
    fn run(stops: &[&str], pieces: &[&str]) -> (String, bool) {
        let mut matcher = StopMatcher::new(stops.iter().map(|stop| stop.to_string()).collect());
        let mut output = String::new();
        for piece in pieces {
            match matcher.push(piece) {
                Matched::Passed(text) => output.push_str(&text),
                Matched::Stopped(text) => return (output + &text, true),
            }
        }
        (output + &matcher.finish(), false)
    }

    #[test]
    fn text_without_a_stop_string_passes_at_once() {
        let mut matcher = StopMatcher::new(vec!["END".into()]);
        assert_eq!(matcher.push("hello"), Matched::Passed("hello".into()));
        assert_eq!(StopMatcher::new(vec![]).push("hello"), Matched::Passed("hello".into()));
    }

    #[test]
    fn a_stop_string_over_several_pieces_is_found() {
        assert_eq!(run(&["END"], &["one E", "N", "D two"]), ("one ".into(), true));
    }

    #[test]
    fn a_beginning_is_held_back_until_it_is_decided() {
        let mut matcher = StopMatcher::new(vec!["END".into()]);
        assert_eq!(matcher.push("one E"), Matched::Passed("one ".into()));
        assert_eq!(matcher.push("N"), Matched::Passed("".into()));
        assert_eq!(matcher.push("E"), Matched::Passed("EN".into()));
        assert_eq!(matcher.finish(), "E");
    }

    #[test]
    fn a_repeated_beginning_is_found() {
        assert_eq!(run(&["aab"], &["a", "a", "a", "b"]), ("a".into(), true));
    }

    #[test]
    fn the_string_that_is_complete_first_counts() {
        assert_eq!(run(&["abcd", "bc"], &["abcd"]), ("a".into(), true));
        assert_eq!(run(&["abcd", "bc"], &["a", "b", "c", "d"]), ("a".into(), true));
    }

    #[test]
    fn characters_of_several_bytes_are_not_cut() {
        assert_eq!(run(&["🦆🦢"], &["x🦆", "🦅"]), ("x🦆🦅".into(), false));
        assert_eq!(run(&["🦆🦢"], &["x🦆", "🦢"]), ("x".into(), true));
    }

    proptest! {
        #[test]
        fn the_outcome_does_not_depend_on_the_pieces(
            pieces in proptest::collection::vec("[abä]{0,4}", 0..12),
            stops in proptest::collection::vec("[abä]{1,4}", 0..4),
        ) {
            let stops: Vec<_> = stops.iter().map(String::as_str).collect();
            let whole = pieces.concat();
            let pieces: Vec<_> = pieces.iter().map(String::as_str).collect();
            let characters: Vec<_> = whole.char_indices().map(|(at, c)| &whole[at..at + c.len_utf8()]).collect();
            let expected = run(&stops, &[&whole]);
            prop_assert_eq!(run(&stops, &pieces), expected.clone());
            prop_assert_eq!(run(&stops, &characters), expected.clone());
            prop_assert!(whole.starts_with(&expected.0));
            prop_assert_eq!(expected.1, stops.iter().any(|stop| whole.contains(stop)));
        }
    }
}
