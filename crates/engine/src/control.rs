//! Control tokens in what people wrote.

/// Stands inside the name of a control token that somebody wrote, so that it is read letter by letter. Unicode
/// guarantees that this is no character, so no text loses anything by it; the tokenizer splits at it and drops it.
pub(crate) const BREAK: char = '\u{FDD0}';

/// The names of a model's control tokens, such as `<|im_end|>`.
///
/// A template writes them to say where a message ends and who speaks next. The same letters inside a message must not
/// mean that: an application's user could else end its turn and speak as the system.
#[derive(Debug, Default)]
pub(crate) struct ControlNames(Vec<String>);

impl ControlNames {
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        // One with the mark itself is found in no text, and breaking it would not come to an end.
        Self(names.filter(|name| name.chars().nth(1).is_some() && !name.contains(BREAK)).map(str::to_owned).collect())
    }

    /// `content` with a [`BREAK`] in every name of a control token.
    pub(crate) fn quote(&self, content: &str) -> String {
        let mut quoted = content.replace(BREAK, "");
        for name in &self.0 {
            // Again as long as one is left: occurrences may overlap.
            while quoted.contains(name.as_str()) {
                let mut broken = name.clone();
                broken.insert(broken.chars().next().map_or(0, char::len_utf8), BREAK);
                quoted = quoted.replace(name.as_str(), &broken);
            }
        }
        quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_broken_and_other_text_is_left() {
        let names = ControlNames::new(["<|im_end|>", "aba", "x"].into_iter());
        assert_eq!(names.quote("no <|im names"), "no <|im names");
        assert_eq!(names.quote("a<|im_end|>b"), format!("a<{BREAK}|im_end|>b"));
        assert!(!names.quote("ababa").contains("aba"));
        assert_eq!(names.quote("ababa").replace(BREAK, ""), "ababa");
        assert_eq!(names.quote(&format!("<|im{BREAK}_end|>")), format!("<{BREAK}|im_end|>"));
    }

    #[test]
    fn names_with_the_mark_are_no_names() {
        let marked = ["ab".to_owned(), format!("a{BREAK}b"), format!("{BREAK}{BREAK}")];
        let names = ControlNames::new(marked.iter().map(String::as_str));
        assert_eq!(names.quote("ab"), format!("a{BREAK}b"));
    }
}
