//! The key that a server may want.

use std::fmt;

use reqwest::header::HeaderValue;

/// Longest key, in bytes.
const MAX_BYTES: usize = 4096;

/// A key for an OpenAI-compatible server. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenAiKey {
    header: HeaderValue,
    is_in_clear: bool,
}

/// A key must be one line of printable ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is one line of 1 to {MAX_BYTES} printable characters without spaces")]
pub struct OpenAiKeyError;

impl OpenAiKey {
    /// Takes a key as a file holds it: white space around it is no part of it.
    pub fn new(text: &str) -> Result<Self, OpenAiKeyError> {
        let key = text.trim();
        if key.is_empty() || key.len() > MAX_BYTES || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(OpenAiKeyError);
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| OpenAiKeyError)?;
        value.set_sensitive(true);
        Ok(Self { header: value, is_in_clear: false })
    }

    /// The same, which may cross networks unencrypted.
    pub fn in_clear(self) -> Self {
        Self { is_in_clear: true, ..self }
    }

    /// Whether it may cross networks unencrypted.
    pub(super) fn may_be_in_clear(&self) -> bool {
        self.is_in_clear
    }

    /// The value of the header `authorization`.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

impl fmt::Debug for OpenAiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenAiKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let key = OpenAiKey::new(" sk-secret\n").unwrap();
        assert_eq!(key.header(), "Bearer sk-secret");
        for shown in [format!("{key:?}"), format!("{:?}", key.header())] {
            assert!(!shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", " \n", "two words", "two\nlines", "ü", &"a".repeat(MAX_BYTES + 1)] {
            assert_eq!(OpenAiKey::new(text), Err(OpenAiKeyError), "{text:?}");
        }
    }
}
