//! The chat template that a model brings with it.

mod date;
mod json;
#[cfg(test)]
mod tests;

use std::io;

use minijinja::{context, syntax::SyntaxConfig, Environment, Error, ErrorKind, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

use crate::api::{ChatMessage, EngineError};

const NAME: &str = "chat";
/// Longest template that is accepted.
const MAX_TEMPLATE_BYTES: usize = 64 * 1024;
/// Steps that a template may take, and how many more for each message. The published templates take some dozens for a
/// message; without a limit one could run for ever.
const STEPS: u64 = 200_000;
const STEPS_PER_MESSAGE: u64 = 5_000;

/// Renders messages into the text that the model was trained on.
#[derive(Debug)]
pub(crate) struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// Compiles `source`, a Jinja template in the dialect of the Hugging Face tokenizers.
    pub(crate) fn new(source: &str, bos: &str, eos: &str) -> Result<Self, String> {
        if source.len() > MAX_TEMPLATE_BYTES {
            return Err(format!("the chat template is longer than {MAX_TEMPLATE_BYTES} bytes"));
        }
        let mut environment = Environment::new();
        // These two are how that dialect is rendered.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| error.to_string())?);
        environment.set_unknown_method_callback(unknown_method_callback);
        environment.add_filter("tojson", json::to_json);
        environment.add_function("strftime_now", date::format);
        environment.add_function("raise_exception", |why: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, why))
        });
        environment
            .add_template_owned(NAME, source.to_owned())
            .map_err(|error| format!("the chat template is broken: {error}"))?;
        Ok(Self { environment, bos: bos.to_owned(), eos: eos.to_owned() })
    }

    /// The prompt that has the model answer `messages`; at most `limit` bytes.
    pub(crate) fn render(&self, messages: &[ChatMessage], limit: usize) -> Result<String, EngineError> {
        let count = messages.len() as u64;
        let messages: Vec<Value> = messages
            .iter()
            .map(|message| context! { role => message.role.as_str(), content => message.content.as_str() })
            .collect();
        let values = context! {
            messages,
            add_generation_prompt => true,
            bos_token => self.bos.as_str(),
            eos_token => self.eos.as_str(),
        };
        let mut text = BoundedText { bytes: Vec::new(), limit, full: false };
        // A copy shares the compiled template.
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(STEPS + STEPS_PER_MESSAGE * count));
        let rendered = environment
            .get_template(NAME)
            .and_then(|template| template.render_captured_to(values, &mut text).map(drop));
        if text.full {
            return Err(EngineError::InvalidRequest(format!("the prompt is longer than {limit} bytes")));
        }
        // The error's short form names the line of the template; the long one would quote the messages.
        rendered
            .map_err(|error| EngineError::InvalidRequest(format!("the model's chat template refuses this: {error}")))?;
        String::from_utf8(text.bytes).map_err(|_| EngineError::Internal("the chat template wrote no text".into()))
    }
}

/// Takes text up to a limit, so that a template cannot multiply a request without end.
struct BoundedText {
    bytes: Vec<u8>,
    limit: usize,
    full: bool,
}

impl io::Write for BoundedText {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.limit {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
