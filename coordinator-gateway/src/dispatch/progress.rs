//! How far an answer has come: what of it the client has been shown, and behind which of its tokens another miner can go
//! on.
//!
//! A token can be gone on from once all of its text has come and the text is known to go on behind it: such tokens are
//! *firm*. What the client has seen beyond them the next miner says again, and it is cut off there.

use cuckoo_wire::link;
use prost::Message;

use super::{attempt::TextPiece, failure::Failure, logprobs::TokenLogprobs};

/// Tokens that report more than 48 KiB come in several messages, the text that all of them stand for with the first. So the
/// tokens of a message that reports less than this are the last of their text, or all.
const WHOLE_BYTES: usize = 32 * 1024;
/// What the number of a token takes of a message at most.
const NUMBER_BYTES: usize = 5;

/// What the client has been shown beyond the firm tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shown {
    /// Text.
    pub(super) text: String,
    /// Of its tokens, if they were asked for.
    pub(super) logprobs: Vec<TokenLogprobs>,
}

/// What a message says of tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// How many, the one that ends the text not counted.
    tokens: usize,
    is_end: bool,
    is_whole: bool,
}

impl Told {
    /// By this message.
    pub(super) fn by(output: &link::Output) -> Self {
        let tokens = output.tokens as usize;
        let reports: usize = output.logprobs.iter().map(Message::encoded_len).sum();
        let bytes = reports.saturating_add(tokens.saturating_mul(NUMBER_BYTES));
        Self { tokens, is_end: output.token_ids.len() > tokens, is_whole: bytes < WHOLE_BYTES }
    }
}

/// How far an attempt has come.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    shown: Shown,
    /// So much of `shown` this attempt has said itself.
    said_bytes: usize,
    said_reports: usize,
    /// Tokens of this attempt that are firm, and all of them.
    firm: usize,
    sent: usize,
    /// Most tokens that this attempt may send; `None` if only the context bounds them.
    most: Option<usize>,
    /// Whether a stop string may end the text behind any token.
    has_stops: bool,
    /// Whether it has said anything that the client had not been shown.
    has_news: bool,
}

impl Progress {
    /// Of an attempt that is made by `sampling`, behind what another one has `shown` beyond the tokens that it goes on from.
    pub(super) fn new(shown: Shown, sampling: Option<&link::Sampling>) -> Self {
        let most = sampling.map_or(0, |sampling| sampling.max_tokens as usize);
        Self {
            shown,
            said_bytes: 0,
            said_reports: 0,
            firm: 0,
            sent: 0,
            most: (most > 0).then_some(most),
            has_stops: sampling.is_some_and(|sampling| !sampling.stop.is_empty()),
            has_news: false,
        }
    }

    /// Takes note of a piece; returns what of it the client has not been shown yet. It is an error if another text was shown.
    pub(super) fn note(&mut self, piece: TextPiece, told: Told) -> Result<Option<TextPiece>, Failure> {
        if !piece.text.is_empty() && self.sent > self.firm {
            // Text of others behind them: they have not ended it, and all of theirs had come.
            self.make_firm();
        }
        let unseen = self.unseen(piece)?;
        self.sent = self.sent.saturating_add(told.tokens);
        let may_be_last = told.is_end || self.has_stops || self.most.is_some_and(|most| self.sent >= most);
        if told.tokens > 0 && told.is_whole && !may_be_last {
            self.make_firm();
        }
        Ok(unseen)
    }

    /// Whether all has been said again that the client was shown before.
    pub(super) fn has_caught_up(&self) -> bool {
        self.said_bytes >= self.shown.text.len() && self.said_reports >= self.shown.logprobs.len()
    }

    /// Whether this attempt has said anything that the client had not been shown.
    pub(super) fn has_news(&self) -> bool {
        self.has_news
    }

    /// How many of this attempt's tokens are firm.
    pub(super) fn firm(&self) -> usize {
        self.firm
    }

    /// What the client has been shown beyond them.
    pub(super) fn shown(&self) -> &Shown {
        &self.shown
    }

    fn make_firm(&mut self) {
        self.firm = self.sent;
        self.shown.text.drain(..self.said_bytes);
        self.shown.logprobs.drain(..self.said_reports);
        (self.said_bytes, self.said_reports) = (0, 0);
    }

    fn unseen(&mut self, piece: TextPiece) -> Result<Option<TextPiece>, Failure> {
        let TextPiece { text, mut logprobs } = piece;
        let seen = self.shown.text.get(self.said_bytes..).unwrap_or_default();
        let unseen_text = match seen.starts_with(&text) {
            true => String::new(),
            false => text.strip_prefix(seen).ok_or(Failure::Differs)?.to_owned(),
        };
        let seen = self.shown.logprobs.get(self.said_reports..).unwrap_or_default();
        // How likely they were may differ in the last places.
        if seen.iter().zip(&logprobs).any(|(seen, again)| seen.chosen.bytes != again.chosen.bytes) {
            return Err(Failure::Differs);
        }
        self.said_bytes += text.len();
        self.said_reports += logprobs.len();
        logprobs.drain(..seen.len().min(logprobs.len()));
        self.shown.text.push_str(&unseen_text);
        self.shown.logprobs.extend_from_slice(&logprobs);
        let is_news = !unseen_text.is_empty() || !logprobs.is_empty();
        self.has_news |= is_news;
        Ok(is_news.then_some(TextPiece { text: unseen_text, logprobs }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::TokenLogprob;

    fn progress(max_tokens: u32, stop: &[&str]) -> Progress {
        let stop = stop.iter().map(ToString::to_string).collect();
        Progress::new(Shown::default(), Some(&link::Sampling { max_tokens, stop, ..Default::default() }))
    }

    /// Behind what was shown beyond the firm tokens of `before`.
    fn behind(before: &Progress) -> Progress {
        Progress::new(before.shown().clone(), None)
    }

    fn of(tokens: usize) -> Told {
        Told { tokens, is_end: false, is_whole: true }
    }

    fn piece(text: &str, reports: &[&str]) -> TextPiece {
        let chosen = |text: &&str| TokenLogprob { bytes: text.as_bytes().into(), logprob: -0.5 };
        let logprobs = reports.iter().map(|text| TokenLogprobs { chosen: chosen(text), top: vec![] }).collect();
        TextPiece { text: text.into(), logprobs }
    }

    /// What of this text the client has not seen.
    fn say(progress: &mut Progress, text: &str, told: Told) -> String {
        progress.note(piece(text, &[]), told).unwrap().map_or_else(String::new, |unseen| unseen.text)
    }

    #[test]
    fn tokens_whose_text_goes_on_are_firm() {
        let mut progress = progress(0, &[]);
        assert_eq!(say(&mut progress, "Once", of(1)), "Once");
        assert_eq!((progress.firm(), progress.shown()), (1, &Shown::default()));
        assert_eq!(say(&mut progress, " upon", of(0)), " upon");
        assert_eq!((progress.firm(), progress.shown().text.as_str()), (1, " upon"), "its tokens have not come");
        assert_eq!(say(&mut progress, " a time", of(3)), " a time");
        assert_eq!((progress.firm(), progress.shown()), (4, &Shown::default()));
        assert!(progress.has_caught_up());
    }

    #[test]
    fn tokens_that_may_be_the_last_are_firm_once_text_comes_behind_them() {
        let end = Told { is_end: true, ..of(1) };
        for (mut progress, last) in [(progress(2, &[]), of(1)), (progress(0, &["END"]), of(1)), (progress(0, &[]), end)]
        {
            say(&mut progress, "Once", of(1));
            say(&mut progress, " upon", last);
            assert_eq!((progress.firm(), progress.shown().text.as_str()), (1, " upon"));
        }
        let mut progress = progress(0, &["END"]);
        say(&mut progress, "Once", of(1));
        assert_eq!(progress.firm(), 0);
        say(&mut progress, "", of(1));
        assert_eq!(progress.firm(), 0, "they may be those of the stop string");
    }

    #[test]
    fn text_whose_tokens_come_in_several_messages_is_said_again() {
        let mut progress = progress(0, &[]);
        say(&mut progress, "Once", of(1));
        say(&mut progress, " upon a time", Told { is_whole: false, ..of(2) });
        assert_eq!((progress.firm(), progress.shown().text.as_str()), (1, " upon a time"));
        let mut broken = progress.clone();
        say(&mut progress, "", of(1));
        assert_eq!((progress.firm(), progress.shown()), (4, &Shown::default()));
        say(&mut broken, " there", of(0));
        assert_eq!((broken.firm(), broken.shown().text.as_str()), (3, " there"), "text behind it: it was whole");
    }

    #[test]
    fn messages_that_report_much_are_not_whole() {
        let report = |bytes| link::TokenLogprobs {
            chosen: Some(link::TokenLogprob { bytes: vec![b'a'; bytes].into(), logprob: -0.5 }),
            top: vec![],
        };
        let output = |tokens, bytes| link::Output {
            tokens,
            token_ids: vec![7; tokens as usize],
            logprobs: vec![report(bytes); tokens as usize],
            ..Default::default()
        };
        assert!(Told::by(&output(30, 1_000)).is_whole && !Told::by(&output(40, 1_000)).is_whole);
        assert!(!Told::by(&link::Output { tokens: 10_000, ..Default::default() }).is_whole);
        let ended = link::Output { token_ids: vec![7; 4], ..output(3, 1) };
        assert!(Told::by(&ended).is_end && !Told::by(&output(3, 1)).is_end);
    }

    #[test]
    fn what_was_shown_is_cut_off_wherever_the_pieces_end() {
        let mut before = progress(0, &["END"]);
        say(&mut before, "Ä on", of(1));
        for pieces in [&["Ä on", "ce"][..], &["Ä on", "", "ce"], &["Ä", " o", "n", "ce"], &["Ä once"], &["Ä o", "nce"]]
        {
            let mut after = behind(&before);
            let unseen: String = pieces.iter().map(|text| say(&mut after, text, of(0))).collect();
            assert_eq!(unseen, "ce", "{pieces:?}");
            assert!(after.has_caught_up());
        }
    }

    #[test]
    fn whoever_says_something_else_is_at_fault() {
        let mut before = progress(0, &["END"]);
        say(&mut before, "Once upon", of(2));
        for wrong in ["Twice", "Once upoN"] {
            assert!(matches!(behind(&before).note(piece(wrong, &[]), of(1)), Err(Failure::Differs)));
        }
        let mut after = behind(&before);
        say(&mut after, "Once", of(1));
        assert!(!after.has_caught_up(), "nor may it end here");
        assert!(matches!(after.note(piece("upon", &[]), of(1)), Err(Failure::Differs)));
    }

    #[test]
    fn a_second_break_loses_nothing_of_what_was_shown() {
        let mut first = progress(0, &["END"]);
        say(&mut first, "abcdef", of(3));
        let mut second = behind(&first);
        say(&mut second, "ab", of(1));
        assert_eq!((second.firm(), second.shown().text.as_str()), (1, "cdef"), "it is sure of what it said itself");
        say(&mut second, "cd", of(0));
        let mut third = behind(&second);
        assert_eq!(say(&mut third, "cdefgh", of(2)), "gh");
    }

    #[test]
    fn log_probabilities_are_cut_off_like_text() {
        let mut before = progress(0, &["END"]);
        let all = piece("ab", &["a", "b"]);
        assert_eq!(before.note(all.clone(), of(2)).unwrap(), Some(all));
        let mut after = behind(&before);
        assert_eq!(after.note(piece("a", &["a"]), of(1)).unwrap(), None);
        let mut other = after.clone();
        assert_eq!(after.note(piece("bc", &["b", "c"]), of(2)).unwrap(), Some(piece("c", &["c"])));
        assert!(after.has_caught_up());
        assert!(matches!(other.note(piece("bc", &["x", "c"]), of(2)), Err(Failure::Differs)));
    }
}
