//! What the tokens of a completion say: what an audit compares with what was delivered.

use crate::{
    api::{Said, SaidEnd},
    detokenizer::Detokenizer,
    sampling::{Matched, StopMatcher},
};

/// Reads `tokens` behind those that were `resumed`, which say nothing themselves but for what they leave unfinished.
pub(crate) fn said(
    mut detokenizer: Detokenizer,
    mut stop: StopMatcher,
    ends: &[u32],
    resumed: &[u32],
    tokens: &[u32],
) -> Said {
    for token in resumed {
        let text = detokenizer.push(*token);
        if ends.contains(token) || matches!(stop.push(&text), Matched::Stopped(_)) {
            return Said { certain: String::new(), held: String::new(), end: SaidEnd::Early };
        }
    }
    let mut certain = String::new();
    for (index, token) in tokens.iter().enumerate() {
        let is_last = index + 1 == tokens.len();
        let end = if is_last { SaidEnd::Last } else { SaidEnd::Early };
        let is_end = ends.contains(token);
        let text = if is_end { detokenizer.finish() } else { detokenizer.push(*token) };
        match stop.push(&text) {
            Matched::Stopped(text) => return Said { certain: certain + &text, held: String::new(), end },
            Matched::Passed(text) => certain.push_str(&text),
        }
        if is_end {
            return Said { certain: certain + &stop.finish(), held: String::new(), end };
        }
    }
    let rest = detokenizer.finish();
    match stop.push(&rest) {
        // A character that was never finished cannot end a stop string that somebody has asked for, but for its own mark.
        Matched::Stopped(text) => Said { certain, held: text, end: SaidEnd::Last },
        Matched::Passed(text) => Said { certain, held: text + &stop.finish(), end: SaidEnd::Open },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::detokenizer::TokenBytes;

    const END: u32 = 0;

    fn read(stops: &[&str], resumed: &str, tokens: &[u8]) -> Said {
        let table = Arc::new(TokenBytes::new((0..=u8::MAX).map(|byte| [byte])).unwrap());
        let stop = StopMatcher::new(stops.iter().map(ToString::to_string).collect());
        let ids = |bytes: &[u8]| bytes.iter().copied().map(u32::from).collect::<Vec<_>>();
        said(Detokenizer::new(table), stop, &[END], &ids(resumed.as_bytes()), &ids(tokens))
    }

    fn expected(certain: &str, held: &str, end: SaidEnd) -> Said {
        Said { certain: certain.into(), held: held.into(), end }
    }

    #[test]
    fn tokens_say_their_text() {
        assert_eq!(read(&[], "", b"Paris"), expected("Paris", "", SaidEnd::Open));
        assert_eq!(read(&[], "", b"Paris\0"), expected("Paris", "", SaidEnd::Last));
        assert_eq!(read(&[], "", &"🦆".as_bytes()[..3]), expected("", "\u{fffd}", SaidEnd::Open));
    }

    #[test]
    fn stop_strings_end_it_and_are_not_said() {
        assert_eq!(read(&["END"], "", b"aEND"), expected("a", "", SaidEnd::Last));
        assert_eq!(read(&["END"], "", b"aEN"), expected("a", "EN", SaidEnd::Open));
        assert_eq!(read(&["END"], "", b"aEN\0"), expected("aEN", "", SaidEnd::Last));
    }

    #[test]
    fn what_goes_on_behind_its_end_is_told() {
        assert_eq!(read(&["END"], "", b"aENDb").end, SaidEnd::Early);
        assert_eq!(read(&[], "", b"a\0b").end, SaidEnd::Early);
        assert_eq!(read(&["END"], "END", b"b").end, SaidEnd::Early);
    }

    #[test]
    fn resumed_tokens_say_only_what_they_left_open() {
        assert_eq!(read(&["END"], "aEN", b"b"), expected("ENb", "", SaidEnd::Open));
        assert_eq!(read(&["END"], "aEN", b"D"), expected("", "", SaidEnd::Last));
    }
}
