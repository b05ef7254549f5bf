//! The lines of an event stream.

use crate::api::EngineError;

/// Longest line, in bytes: a piece of text with the alternatives to each of its tokens is a few thousand.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Cuts bytes, as they come, into the data of server-sent events. Each event of these servers is one line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes the next bytes; returns the data that is complete with them.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, EngineError> {
        let mut data = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.rest.len() + part.len() > MAX_LINE_BYTES {
                return Err(EngineError::Internal(format!(
                    "the server sent a line of more than {MAX_LINE_BYTES} bytes"
                )));
            }
            self.rest.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.rest);
                // Comments, such as signs of life, and other fields are of no interest.
                if let Some(value) = line.strip_prefix(b"data:") {
                    data.push(value.trim_ascii().to_vec());
                }
            }
        }
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_found_wherever_the_bytes_are_cut() {
        let stream = b": alive\r\n\r\nevent: x\ndata: {\"a\": 1}\r\n\r\ndata:{}\n\ndata: [DONE]\n";
        for size in 1..stream.len() {
            let mut lines = Lines::default();
            let data: Vec<Vec<u8>> = stream.chunks(size).flat_map(|bytes| lines.push(bytes).unwrap()).collect();
            assert_eq!(data, [&b"{\"a\": 1}"[..], b"{}", b"[DONE]"], "{size} bytes at once");
        }
    }

    #[test]
    fn a_line_without_an_end_is_refused() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(&vec![b'x'; MAX_LINE_BYTES]).unwrap(), Vec::<Vec<u8>>::new());
        assert!(lines.push(b"x").is_err());
    }
}
