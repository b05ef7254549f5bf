//! The chat template that a model brings with it.

use std::io;

use minijinja::{context, syntax::SyntaxConfig, Environment, Error, ErrorKind, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

use crate::api::{ChatMessage, EngineError};

const NAME: &str = "chat";
/// Longest template that is accepted.
const MAX_TEMPLATE_BYTES: usize = 64 * 1024;

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
        let rendered = self
            .environment
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

#[cfg(test)]
mod tests {
    use super::*;

    const CHATML: &str = "{% for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' + message.content.strip() + '<|im_end|>' + '\\n' -}}
{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    fn messages(turns: &[(&str, &str)]) -> Vec<ChatMessage> {
        turns
            .iter()
            .map(|(role, content)| ChatMessage { role: role.to_string(), content: content.to_string() })
            .collect()
    }

    fn render(source: &str, turns: &[(&str, &str)]) -> Result<String, EngineError> {
        ChatTemplate::new(source, "<s>", "</s>").unwrap().render(&messages(turns), 1000)
    }

    #[test]
    fn messages_become_turns_and_the_assistant_is_next() {
        let text = render(CHATML, &[("system", "Be kind."), ("user", " Hi ")]).unwrap();
        assert_eq!(
            text,
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        );
    }

    #[test]
    fn begin_and_end_tokens_are_at_hand() {
        assert_eq!(
            render("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", &[("user", "x")]).unwrap(),
            "<s>x</s>"
        );
    }

    #[test]
    fn text_is_not_escaped() {
        assert_eq!(render("{{ messages[0].content }}", &[("user", "<b> & \"c\"")]).unwrap(), "<b> & \"c\"");
    }

    #[test]
    fn text_is_not_read_as_a_template() {
        assert_eq!(render("{{ messages[0].content }}", &[("user", "{{ 1 + 1 }}")]).unwrap(), "{{ 1 + 1 }}");
    }

    #[test]
    fn what_the_template_refuses_is_the_callers_mistake() {
        let source =
            "{% if messages[0].role == 'system' %}{{ raise_exception('no system messages, please') }}{% endif %}";
        let Err(EngineError::InvalidRequest(why)) = render(source, &[("system", "secret words")]) else { panic!() };
        assert!(why.contains("no system messages, please") && !why.contains("secret words"), "{why}");
    }

    #[test]
    fn a_prompt_that_grows_too_long_is_refused() {
        let source = "{% for i in range(1000) %}{{ messages[0].content }}{% endfor %}";
        let Err(EngineError::InvalidRequest(why)) = render(source, &[("user", "abc")]) else { panic!() };
        assert!(why.contains("longer than 1000 bytes"), "{why}");
    }

    #[test]
    fn a_broken_template_is_refused_when_it_is_loaded() {
        assert!(ChatTemplate::new("{% for %}", "", "").unwrap_err().contains("broken"));
        assert!(ChatTemplate::new(&" ".repeat(MAX_TEMPLATE_BYTES + 1), "", "").unwrap_err().contains("longer"));
    }
}
