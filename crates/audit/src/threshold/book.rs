//! Calibrations in a file.
//!
//! TOML, one `[[pair]]` for each triple of the miner's class, the auditor's and the model:
//!
//! ```toml
//! version = 2
//!
//! [[pair]]
//! miner_class = "0.1.0/int8-1/x86-64-v3/cpu/q8_0"
//! auditor_class = "0.1.0/int8-1/x86-64-v3/cpu/q8_0"
//! model_root = "…"        # 64 hex digits
//! tokens = 100000
//! stretches = 12800
//! deviating = 0
//! counted = 12800
//! limits = { margin = 0.001, logits = 0.001, state = 0.004 }
//! margin = { mean = 0.0, p50 = 0.0, p90 = 0.0, p99 = 0.0, p999 = 0.0, max = 0.0 }
//! logits = { mean = 0.0, p50 = 0.0, p90 = 0.0, p99 = 0.0, p999 = 0.0, max = 0.0 }
//! state = { mean = 0.0, p50 = 0.0, p90 = 0.0, p99 = 0.0, p999 = 0.0, max = 0.0 }
//! ```

use cuckoo_primitives::Hash;
use serde::{Deserialize, Serialize};

use super::{Calibration, LEAST_TOKENS};

/// Version of the file's format and of what is measured; figures of another one mean something else.
pub const VERSION: u32 = 2;

/// Calibrations, for each triple of the miner's class, the auditor's and the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    version: u32,
    #[serde(default, rename = "pair")]
    pairs: Vec<Pair>,
}

/// What was measured for one triple.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Numeric class of the miner.
    pub miner_class: String,
    /// Numeric class of the auditor.
    pub auditor_class: String,
    /// sha256 over the model's files, in hex.
    pub model_root: String,
    /// What was measured.
    #[serde(flatten)]
    pub calibration: Calibration,
}

/// Why a file is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Not TOML of this shape.
    #[error("not a book of calibrations: {0}")]
    Malformed(String),
    /// Of another version.
    #[error("version {0} is not supported, only {VERSION} is: measure again with `cargo xtask attack-suite`")]
    Version(u32),
    /// Figures that nothing can have measured.
    #[error("the figures of {miner_class} audited by {auditor_class} are not sound")]
    Unsound {
        /// The miner's class.
        miner_class: String,
        /// The auditor's.
        auditor_class: String,
    },
    /// One triple twice.
    #[error("{miner_class} audited by {auditor_class} is there twice for one model")]
    Twice {
        /// The miner's class.
        miner_class: String,
        /// The auditor's.
        auditor_class: String,
    },
}

impl Pair {
    fn is_of(&self, miner_class: &str, auditor_class: &str, model_root: &str) -> bool {
        self.miner_class == miner_class && self.auditor_class == auditor_class && self.model_root == model_root
    }

    fn refused(&self, why: fn(String, String) -> BookError) -> BookError {
        why(self.miner_class.clone(), self.auditor_class.clone())
    }
}

impl Book {
    /// Of these pairs.
    pub fn new(pairs: Vec<Pair>) -> Result<Self, BookError> {
        for (index, pair) in pairs.iter().enumerate() {
            if !pair.calibration.is_sound() || hex::decode(&pair.model_root).map_or(0, |root| root.len()) != 32 {
                return Err(
                    pair.refused(|miner_class, auditor_class| BookError::Unsound { miner_class, auditor_class })
                );
            }
            let is_same = |other: &Pair| other.is_of(&pair.miner_class, &pair.auditor_class, &pair.model_root);
            if pairs.iter().take(index).any(is_same) {
                return Err(pair.refused(|miner_class, auditor_class| BookError::Twice { miner_class, auditor_class }));
            }
        }
        Ok(Self { version: VERSION, pairs })
    }

    /// What was measured for this project's models and classes, where it is enough to judge by; all others are in shadow. See
    /// docs/verification.md for how to measure.
    pub fn shipped() -> Result<Self, BookError> {
        Self::parse(include_str!("../../calibrations.toml"))
    }

    /// Reads a file.
    pub fn parse(toml: &str) -> Result<Self, BookError> {
        let malformed = |error: toml::de::Error| BookError::Malformed(error.to_string());
        // Of another version the rest may look otherwise.
        let version: Version = toml::from_str(toml).map_err(malformed)?;
        if version.version != VERSION {
            return Err(BookError::Version(version.version));
        }
        let Self { pairs, .. } = toml::from_str(toml).map_err(malformed)?;
        Self::new(pairs)
    }

    /// As a file.
    pub fn to_toml(&self) -> Result<String, BookError> {
        toml::to_string(self).map_err(|error| BookError::Malformed(error.to_string()))
    }

    /// All of them.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// What attempts are judged by; `None` where nothing, or fewer than [`LEAST_TOKENS`] honest tokens, were measured: their
    /// scores are only recorded.
    pub fn find(&self, miner_class: &str, auditor_class: &str, model_root: &Hash) -> Option<&Calibration> {
        let root = hex::encode(model_root.as_bytes());
        let pair = self.pairs.iter().find(|pair| pair.is_of(miner_class, auditor_class, &root))?;
        Some(&pair.calibration).filter(|calibration| calibration.tokens >= LEAST_TOKENS)
    }
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Stretch;

    fn pair(tokens: u64) -> Pair {
        Pair {
            miner_class: "a".into(),
            auditor_class: "b".into(),
            model_root: hex::encode([7; 32]),
            calibration: Calibration::of(&vec![Stretch::default(); tokens as usize / 8], tokens),
        }
    }

    fn book(pairs: Vec<Pair>) -> Book {
        Book::new(pairs).unwrap()
    }

    #[test]
    fn a_book_is_read_as_it_was_written() {
        let book = book(vec![pair(100_000), Pair { miner_class: "c".into(), ..pair(800) }]);
        assert_eq!(Book::parse(&book.to_toml().unwrap()), Ok(book));
    }

    #[test]
    fn what_was_not_measured_enough_is_not_judged() {
        let root = Hash::repeat_byte(7);
        let measured = book(vec![pair(100_000)]);
        assert!(measured.find("a", "b", &root).is_some());
        for (miner, auditor, root) in [("b", "a", root), ("a", "a", root), ("a", "b", Hash::zero())] {
            assert!(measured.find(miner, auditor, &root).is_none());
        }
        assert!(book(vec![pair(99_992)]).find("a", "b", &root).is_none());
    }

    #[test]
    fn what_nothing_can_have_measured_is_refused() {
        let with = |change: &dyn Fn(&mut Pair)| {
            let mut pair = pair(100_000);
            change(&mut pair);
            Book::new(vec![pair]).unwrap_err()
        };
        for error in [
            with(&|it| it.calibration.limits.state = f64::NAN),
            with(&|it| it.calibration.limits.margin = 0.0),
            with(&|it| it.calibration.deviating = 1_000_000),
            with(&|it| it.calibration.counted = 0),
            with(&|it| it.calibration.tokens = 5),
            with(&|it| it.calibration.margin.p50 = 3.0),
            with(&|it| it.model_root = "7".into()),
        ] {
            assert!(matches!(error, BookError::Unsound { .. }), "{error}");
        }
        assert!(matches!(Book::new(vec![pair(800), pair(800)]), Err(BookError::Twice { .. })));
        assert_eq!(Book::parse("version = 1\nfuture = 1"), Err(BookError::Version(1)));
        assert!(matches!(Book::parse("version = 2\nfuture = 1"), Err(BookError::Malformed(_))));
        assert!(matches!(Book::parse(""), Err(BookError::Malformed(_))));
    }

    #[test]
    fn every_pair_of_the_shipped_book_is_found() {
        let shipped = Book::shipped().unwrap();
        for pair in shipped.pairs() {
            let root = Hash::from_slice(&hex::decode(&pair.model_root).unwrap());
            assert!(shipped.find(&pair.miner_class, &pair.auditor_class, &root).is_some());
        }
    }
}
