//! The outcome of one check.

use std::fmt;

use console::style;

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    name: &'static str,
    outcome: Result<String, Trouble>,
}

/// What is wrong and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trouble {
    what: String,
    mend: String,
}

impl Check {
    /// All is well; `what` was found.
    pub(super) fn well(name: &'static str, what: impl fmt::Display) -> Self {
        Self { name, outcome: Ok(what.to_string()) }
    }

    /// Something is wrong.
    pub(super) fn failed(name: &'static str, what: impl fmt::Display, mend: impl fmt::Display) -> Self {
        Self { name, outcome: Err(Trouble { what: what.to_string(), mend: mend.to_string() }) }
    }

    /// Whether all is well.
    pub(super) fn is_well(&self) -> bool {
        self.outcome.is_ok()
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(what) => write!(f, "{}    {:<13} {what}", style("OK").green(), self.name),
            Err(Trouble { what, mend }) => {
                write!(f, "{}  {:<13} {what}", style("FAIL").red(), self.name)?;
                match mend.is_empty() {
                    true => Ok(()),
                    false => write!(f, "\n      {:<13} to mend it: {mend}", ""),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_how_to_mend_it() {
        console::set_colors_enabled(false);
        let failed = Check::failed("key", "not found", "make one");
        assert!(!failed.is_well());
        let text = failed.to_string();
        assert!(text.starts_with("FAIL  key ") && text.ends_with("to mend it: make one"), "{text}");
        assert!(Check::well("key", "fine").to_string().starts_with("OK    key "));
    }
}
