//! A client of the gateway's HTTP API that shows everything: status, headers, body.

use std::time::Duration;

use anyhow::{ensure, Context};
use reqwest::header::HeaderMap;
use serde_json::{json, Value};

use crate::sse::Events;

/// Longest wait for a whole answer.
const LIMIT: Duration = Duration::from_secs(120);

/// The gateway at a URL, asked with a key.
#[derive(Clone, Debug)]
pub struct Api {
    url: String,
    key: Option<String>,
    http: reqwest::Client,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub body: Value,
}

impl Answer {
    /// Itself if the status is 2xx.
    pub fn ok(self) -> anyhow::Result<Self> {
        ensure!((200..300).contains(&self.status), "status {}: {}", self.status, self.text);
        Ok(self)
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The task's id, as the receipts route takes it.
    pub fn task_id(&self) -> anyhow::Result<String> {
        self.header("x-cuckoo-task-id").map(str::to_owned).context("the answer has no x-cuckoo-task-id")
    }

    /// Message, type and code of an error body.
    pub fn error(&self) -> (&str, &str, &str) {
        let field = |name: &str| self.body["error"][name].as_str().unwrap_or_default();
        (field("message"), field("type"), field("code"))
    }
}

impl Api {
    /// The gateway at `url` (`http://127.0.0.1:8080`).
    pub fn new(url: &str, key: Option<&str>) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(LIMIT).no_proxy().build()?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), key: key.map(str::to_owned), http })
    }

    /// The same gateway asked with another key, or none.
    pub fn with_key(&self, key: Option<&str>) -> Self {
        Self { key: key.map(str::to_owned), ..self.clone() }
    }

    /// The base URL for OpenAI's clients.
    pub fn openai_url(&self) -> String {
        format!("{}/v1", self.url)
    }

    /// The URL without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key it asks with.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// GET.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let request = self.http.get(format!("{}{path}", self.url));
        self.send(request).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.post_text(path, body.to_string()).await
    }

    /// POST of a body that calls itself JSON.
    pub async fn post_text(&self, path: &str, body: String) -> anyhow::Result<Answer> {
        let request = self.http.post(format!("{}{path}", self.url));
        self.send(request.header("content-type", "application/json").body(body)).await
    }

    /// POST of JSON for a streamed answer: its headers and events. Any status but 200 is an error.
    pub async fn stream(&self, path: &str, body: &Value) -> anyhow::Result<(HeaderMap, Events)> {
        let request = self.authorised(self.http.post(format!("{}{path}", self.url))).json(body);
        let answer = request.send().await?;
        let status = answer.status();
        if status != 200 {
            anyhow::bail!("status {status}: {}", answer.text().await.unwrap_or_default());
        }
        let headers = answer.headers().clone();
        Ok((headers, Events::new(answer)))
    }

    /// The answer to one question, not streamed, greedy.
    pub async fn chat(&self, model: &str, question: &str, max_tokens: u32) -> anyhow::Result<String> {
        let answer = self.post("/v1/chat/completions", &chat(model, question, max_tokens)).await?.ok()?;
        let text = answer.body["choices"][0]["message"]["content"].as_str();
        text.map(str::to_owned).with_context(|| format!("no answer in {}", answer.text))
    }

    fn authorised(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
        let answer = self.authorised(request).send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer { status, headers, text, body })
    }
}

/// The body of a greedy chat request.
pub fn chat(model: &str, question: &str, max_tokens: u32) -> Value {
    json!({
        "model": model,
        "messages": [{ "role": "user", "content": question }],
        "max_tokens": max_tokens,
        "temperature": 0,
    })
}

/// [`chat`], streamed with a usage chunk at the end.
pub fn chat_stream(model: &str, question: &str, max_tokens: u32) -> Value {
    let mut body = chat(model, question, max_tokens);
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    body
}
