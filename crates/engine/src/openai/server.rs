//! Requests to the server, bounded in size and time.

use std::{error::Error, future::Future, net::IpAddr, time::Duration};

use futures::StreamExt;
use reqwest::{header::AUTHORIZATION, redirect, Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::{key::OpenAiKey, listing::Listing, OpenAiLimits};
use crate::{api::EngineError, error::LoadError};

/// Longest list of models, in bytes.
const MAX_LISTING_BYTES: usize = 4 << 20;
/// Longest explanation of an error that is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// Most characters of it that are passed on.
const SHOWN: usize = 300;

const IN_CLEAR: &str = "the key would cross the network for all to read: name the server by https://, reach it over a \
                        tunnel that ends on this machine, or allow this where you trust the network \
                        (--openai-key-in-clear)";

/// A server and how to speak to it.
#[derive(Debug)]
pub(super) struct Server {
    client: Client,
    /// Ends in `/v1/`.
    base: Url,
    limits: OpenAiLimits,
}

impl Server {
    pub(super) fn new(url: &str, key: Option<&OpenAiKey>, limits: OpenAiLimits) -> Result<Self, LoadError> {
        let shown = || url.chars().take(SHOWN).collect();
        let refused = |reason: &str| LoadError::Server { url: shown(), reason: reason.to_owned() };
        let mut base =
            Url::parse(url).map_err(|_| refused("this is no URL; expected is something like http://127.0.0.1:8000"))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(refused("the URL must begin with http:// or https:// and a host"));
        }
        if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
            // Not repeated: it may hold a password.
            let reason = "the URL must not hold a name, password or query".to_owned();
            return Err(LoadError::Server { url: base.host_str().unwrap_or_default().to_owned(), reason });
        }
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').trim_end_matches("/v1");
        base.set_path(&format!("{path}/v1/"));
        if key.is_some_and(|key| !key.may_be_in_clear()) && base.scheme() == "http" && !is_loopback(&base) {
            return Err(refused(IN_CLEAR));
        }
        let mut headers = reqwest::header::HeaderMap::new();
        if let Some(key) = key {
            headers.insert(AUTHORIZATION, key.header());
        }
        let client = Client::builder()
            .default_headers(headers)
            .connect_timeout(limits.connect)
            // The server is named by the operator: nobody else is asked, and nobody else gets the key.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| refused(&cause(&error)))?;
        Ok(Self { client, base, limits })
    }

    pub(super) fn limits(&self) -> OpenAiLimits {
        self.limits
    }

    /// Why this server cannot be used at all.
    pub(super) fn unusable(&self, reason: String) -> LoadError {
        LoadError::Server { url: self.base.to_string(), reason }
    }

    /// Its models.
    pub(super) async fn list(&self) -> Result<Listing, EngineError> {
        let response = self.send(self.request(Method::GET, "models")?, self.limits.list).await?;
        Listing::parse(&self.read(response, MAX_LISTING_BYTES).await?)
    }

    /// Asks for something; the answer's status says that it is coming.
    pub(super) async fn post(&self, path: &str, json: &Value) -> Result<Response, EngineError> {
        self.send(self.request(Method::POST, path)?.json(json), self.limits.first).await
    }

    /// All of an answer.
    pub(super) async fn read(&self, response: Response, most: usize) -> Result<Vec<u8>, EngineError> {
        let (mut bytes, mut parts) = (Vec::new(), response.bytes_stream());
        let read = async {
            while let Some(part) = in_time(self.limits.idle, parts.next()).await? {
                let part = part.map_err(|error| broken(&error))?;
                if bytes.len() + part.len() > most {
                    return Err(EngineError::Internal(format!("the server's answer is longer than {most} bytes")));
                }
                bytes.extend_from_slice(&part);
            }
            Ok(bytes)
        };
        // As a whole too: else one byte now and then would be waited for for ever.
        in_time(self.limits.first, read).await?
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, EngineError> {
        let url = self.base.join(path).map_err(|error| EngineError::Internal(error.to_string()))?;
        Ok(self.client.request(method, url))
    }

    async fn send(&self, request: RequestBuilder, limit: Duration) -> Result<Response, EngineError> {
        let response = in_time(limit, request.send()).await?.map_err(|error| broken(&error))?;
        match response.status() {
            StatusCode::OK => Ok(response),
            status => {
                // What it says is a help, not more: without it the status has to do.
                let bytes = self.read(response, MAX_ERROR_BYTES).await.unwrap_or_default();
                Err(refusal(status, &bytes))
            }
        }
    }
}

/// Waits, but not for ever.
pub(super) async fn in_time<T>(limit: Duration, wait: impl Future<Output = T>) -> Result<T, EngineError> {
    tokio::time::timeout(limit, wait)
        .await
        .map_err(|_| EngineError::Internal(format!("the server said nothing for {} s", limit.as_secs_f32())))
}

/// Why a request came to nothing.
pub(super) fn broken(error: &reqwest::Error) -> EngineError {
    EngineError::Internal(format!("the server cannot be asked: {}", cause(error)))
}

/// The error's innermost reason; the outer ones repeat the URL.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// What a status other than 200 means.
fn refusal(status: StatusCode, body: &[u8]) -> EngineError {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = json.get("error").unwrap_or(&json);
    let said = error.get("message").or(Some(error)).and_then(Value::as_str).unwrap_or_default();
    let said: String = said.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    let tokens = |field: &str| error.get(field).and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok());
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::PAYLOAD_TOO_LARGE => {
            match (tokens("n_prompt_tokens"), tokens("n_ctx")) {
                (Some(prompt_tokens), Some(context_tokens)) => {
                    EngineError::ContextLength { prompt_tokens, context_tokens }
                }
                _ => too_long(&said).unwrap_or_else(|| {
                    // It may name files and hosts that are nobody's business, and repeat the prompt.
                    tracing::debug!(target: "engine", %status, said, "the server refuses a request");
                    EngineError::InvalidRequest("the model's server refuses it as invalid".into())
                }),
            }
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => EngineError::Overloaded,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => EngineError::Internal(format!(
            "the server wants another key ({status}), name a file with the right one with --openai-key-file: {said}"
        )),
        _ => EngineError::Internal(format!("the server answered {status}: {said}")),
    }
}

/// What vLLM says of a prompt that does not fit, in words only.
fn too_long(said: &str) -> Option<EngineError> {
    let (_, after) = said.split_once("maximum context length is ")?;
    let context_tokens = first_number(after)?;
    let before = |words: &str| {
        let (before, _) = said.split_once(words)?;
        before.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let prompt_tokens = before(" in the messages").or_else(|| before(" input tokens")).or_else(|| {
        let (_, requested) = said.split_once("requested ")?;
        first_number(requested)
    });
    Some(EngineError::ContextLength { prompt_tokens: prompt_tokens?, context_tokens })
}

fn first_number(text: &str) -> Option<u32> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Whether what is sent to this host stays on this machine.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(url: &str) -> Result<String, LoadError> {
        Server::new(url, None, OpenAiLimits::default()).map(|server| server.base.to_string())
    }

    #[test]
    fn urls_may_end_in_any_usual_way() {
        for url in
            ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/"]
        {
            assert_eq!(base(url).unwrap(), "http://127.0.0.1:8080/v1/");
        }
        assert_eq!(base("https://host/engine/v1").unwrap(), "https://host/engine/v1/");
    }

    #[test]
    fn other_urls_are_refused_and_passwords_not_repeated() {
        for url in ["", "127.0.0.1:8080", "ftp://host", "http://", "http://user:secret@host", "http://host/?key=secret"]
        {
            let error = base(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_key_crosses_no_network_in_clear_unless_that_is_allowed() {
        let key = OpenAiKey::new("sk-secret").unwrap();
        let with = |url: &str, key: &OpenAiKey| Server::new(url, Some(key), OpenAiLimits::default()).map(drop);
        for url in
            ["http://10.0.0.7:8000", "http://gpu.internal/v1", "http://localhost.example", "http://[2001:db8::1]"]
        {
            let error = with(url, &key).unwrap_err().to_string();
            assert!(error.contains("https://") && !error.contains("secret"), "{error}");
            with(url, &key.clone().in_clear()).unwrap();
            Server::new(url, None, OpenAiLimits::default()).unwrap();
        }
        for url in ["https://gpu.internal", "http://127.0.0.2:1", "http://[::1]:1", "http://localhost:1"] {
            with(url, &key).unwrap();
        }
    }

    #[test]
    fn statuses_tell_the_callers_mistakes_from_the_servers() {
        let of = |status: u16, body: &str| refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        let said = |text: &str| format!(r#"{{"error": {{"message": "{text}"}}}}"#);
        let refused = of(400, &said("no such role: /srv/models on gpu-7.internal"));
        assert!(matches!(refused, EngineError::InvalidRequest(why) if !why.contains("gpu-7")), "it stays here");
        let long = r#"{"error": {"message": "too long", "n_prompt_tokens": 20, "n_ctx": 10}}"#;
        assert_eq!(of(400, long), EngineError::ContextLength { prompt_tokens: 20, context_tokens: 10 });
        for words in [
            "This model's maximum context length is 10 tokens. However, you requested 25 tokens (20 in the messages, 5 in \
             the completion).",
            "'max_tokens' is too large: 5. This model's maximum context length is 10 tokens and your request has 20 input \
             tokens.",
            "This model's maximum context length is 10 tokens. However, you requested 20 tokens.",
        ] {
            let expected = EngineError::ContextLength { prompt_tokens: 20, context_tokens: 10 };
            assert_eq!(of(400, &said(words)), expected, "{words}");
        }
        assert_eq!(of(429, ""), EngineError::Overloaded);
        assert_eq!(of(503, ""), EngineError::Overloaded);
        assert!(matches!(of(401, ""), EngineError::Internal(why) if why.contains("key")));
        assert!(matches!(of(500, &said(&"x".repeat(10_000))), EngineError::Internal(why) if why.len() < 400));
        assert!(matches!(of(302, "not JSON"), EngineError::Internal(_)));
        assert!(matches!(of(500, r#"{"error": "plain"}"#), EngineError::Internal(why) if why.contains("plain")));
    }
}
