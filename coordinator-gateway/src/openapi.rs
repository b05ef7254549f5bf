//! The OpenAPI document.

use utoipa::{
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    Modify, OpenApi,
};

/// What does not belong to a single route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cuckoo coordinator gateway",
        description = "The OpenAI API, served by staked miners. Every answer names its miner (`x-cuckoo-miner`), what computed \
                       it (`x-cuckoo-class`; `unverified/` where nobody can audit that) and its task (`x-cuckoo-task-id`), \
                       for which the miner has signed a receipt. Parameters that no miner here can follow are refused with \
                       `unsupported_parameter` (among them `n` above 1, tools, images, `logit_bias`); those that this API \
                       does not know are ignored."
    ),
    tags(
        (name = "tasks", description = "Work for miners"),
        (name = "models", description = "What miners serve"),
        (name = "market", description = "Who serves, and what they signed"),
        (name = "operation", description = "For those who run the gateway"),
    ),
    modifiers(&ApiKeySecurity)
)]
pub(crate) struct ApiDoc;

struct ApiKeySecurity;

impl Modify for ApiKeySecurity {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key: `coordinator-gateway keys create`"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
    }
}

/// Shapes of requests and answers, as far as they are served. The code reads and writes them with the types of the crate
/// `openai-protocol`, which describe far more than that.
#[allow(dead_code)] // only their schemas are used
pub(crate) mod schemas {
    use serde::{Deserialize, Serialize};
    use utoipa::ToSchema;

    /// A chat to be answered.
    #[derive(Serialize, Deserialize, ToSchema)]
    pub(crate) struct ChatCompletionRequest {
        /// One of `GET /v1/models`.
        #[schema(example = "smollm2-135m-instruct")]
        model: String,
        messages: Vec<ChatMessage>,
        /// Most tokens to produce; as many as the context holds if not said.
        max_completion_tokens: Option<u32>,
        /// The older name of `max_completion_tokens`.
        max_tokens: Option<u32>,
        /// Report how likely each token was.
        #[schema(default = false)]
        logprobs: Option<bool>,
        /// Most likely tokens to report beside each token; only with `logprobs`.
        #[schema(maximum = 20)]
        top_logprobs: Option<u32>,
        response_format: Option<ResponseFormat>,
        #[serde(flatten)]
        sampling: Sampling,
    }

    /// What the answer must look like.
    #[derive(Serialize, Deserialize, ToSchema)]
    struct ResponseFormat {
        /// `text`, `json_object` or `json_schema`.
        #[schema(default = "text")]
        r#type: String,
        json_schema: Option<JsonSchemaFormat>,
    }

    /// Only with `json_schema`.
    #[derive(Serialize, Deserialize, ToSchema)]
    struct JsonSchemaFormat {
        name: String,
        /// At most 64 KiB, 2,000 values, 8 different patterns and formats together, and 512 bytes a pattern; two of them in a
        /// schema in which several may have to hold of one text (`allOf`, `not`, `if`, two of `pattern`, `format`, `$ref`, `anyOf`
        /// and `oneOf` beside each other, several `patternProperties`); the least common multiple of all `multipleOf` at most
        /// 10,000; `$ref` within the schema only. What cannot be followed is refused.
        #[schema(value_type = Object)]
        schema: serde_json::Value,
        /// Schemas are always followed.
        strict: Option<bool>,
    }

    /// A message of a chat.
    #[derive(Serialize, Deserialize, ToSchema)]
    struct ChatMessage {
        /// `system`, `developer`, `user` or `assistant`.
        #[schema(example = "user")]
        role: String,
        content: MessageContent,
        /// The participant's name.
        name: Option<String>,
    }

    /// Text, whole or in parts.
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(untagged)]
    enum MessageContent {
        Text(String),
        Parts(Vec<TextPart>),
    }

    /// A part of a message.
    #[derive(Serialize, Deserialize, ToSchema)]
    struct TextPart {
        /// Always `text`.
        r#type: String,
        text: String,
    }

    /// A text to be continued.
    #[derive(Serialize, Deserialize, ToSchema)]
    pub(crate) struct CompletionRequest {
        /// One of `GET /v1/models`.
        model: String,
        /// A text, or a list of one.
        prompt: OneOrMany,
        /// Most tokens to produce; 16 if not said.
        max_tokens: Option<u32>,
        /// Begin the answer with the prompt.
        echo: Option<bool>,
        /// Report how likely each token was, and so many of the most likely ones; not with `echo`.
        #[schema(maximum = 20)]
        logprobs: Option<u32>,
        /// A JSON schema, as text, that the continuation must follow.
        json_schema: Option<String>,
        #[serde(flatten)]
        sampling: Sampling,
    }

    /// How tokens are chosen, and how they are sent.
    #[derive(Serialize, Deserialize, ToSchema)]
    struct Sampling {
        /// From 0 (always the likeliest token) to 2.
        #[schema(minimum = 0, maximum = 2, default = 1)]
        temperature: Option<f32>,
        /// Only the likeliest tokens whose probabilities reach this sum are drawn from.
        #[schema(exclusive_minimum = 0, maximum = 1, default = 1)]
        top_p: Option<f32>,
        /// Only so many of the likeliest tokens are drawn from; -1: all.
        #[schema(minimum = -1, default = -1)]
        top_k: Option<i32>,
        /// Makes tokens less likely each time they were produced.
        #[schema(minimum = -2, maximum = 2, default = 0)]
        frequency_penalty: Option<f32>,
        /// Makes tokens less likely once they were produced.
        #[schema(minimum = -2, maximum = 2, default = 0)]
        presence_penalty: Option<f32>,
        /// Divides the score of tokens that were produced, if it is positive, or multiplies it.
        #[schema(exclusive_minimum = 0, maximum = 2, default = 1)]
        repetition_penalty: Option<f32>,
        /// Equal seeds, requests and fingerprints give equal answers on processors; not on GPUs, and not where the
        /// fingerprint names `unverified/`.
        seed: Option<i64>,
        /// Up to four texts before which the answer ends.
        stop: Option<OneOrMany>,
        /// Send the answer piece by piece.
        #[schema(default = false)]
        stream: Option<bool>,
        stream_options: Option<StreamOptions>,
    }

    /// Only with `stream`.
    #[derive(Serialize, Deserialize, ToSchema)]
    struct StreamOptions {
        /// Send a last chunk with the numbers of tokens.
        include_usage: Option<bool>,
    }

    /// A text or several.
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }

    /// Texts to be embedded.
    #[derive(Serialize, Deserialize, ToSchema)]
    pub(crate) struct EmbeddingRequest {
        /// One of `GET /v1/models`.
        #[schema(example = "all-minilm-l6-v2")]
        model: String,
        input: OneOrMany,
        /// `float` or `base64`.
        encoding_format: Option<String>,
    }

    /// The answer to a chat.
    #[derive(Serialize, Deserialize, ToSchema)]
    pub(crate) struct ChatCompletion {
        id: String,
        /// `chat.completion`, or `chat.completion.chunk` in a stream.
        object: String,
        /// Seconds since 1970.
        created: u64,
        model: String,
        choices: Vec<ChatChoice>,
        usage: Option<Usage>,
        /// Names the files and kernels that produced it.
        system_fingerprint: Option<String>,
    }

    #[derive(Serialize, Deserialize, ToSchema)]
    struct ChatChoice {
        index: u32,
        /// The whole answer.
        message: Option<ChatAnswer>,
        /// In a stream: what comes next.
        delta: Option<ChatAnswer>,
        logprobs: Option<ChatLogprobs>,
        /// `stop` or `length`.
        finish_reason: Option<String>,
    }

    /// How likely the tokens were.
    #[derive(Serialize, Deserialize, ToSchema)]
    struct ChatLogprobs {
        content: Vec<TokenLogprobs>,
    }

    #[derive(Serialize, Deserialize, ToSchema)]
    struct TokenLogprobs {
        #[serde(flatten)]
        chosen: TokenLogprob,
        /// The most likely tokens, the most likely first.
        top_logprobs: Vec<TokenLogprob>,
    }

    #[derive(Serialize, Deserialize, ToSchema)]
    struct TokenLogprob {
        /// Its text; where that is not whole characters, its bytes, written as `\\xf0`.
        token: String,
        /// Natural logarithm of its probability, before temperature and penalties.
        logprob: f32,
        bytes: Vec<u8>,
    }

    #[derive(Serialize, Deserialize, ToSchema)]
    struct ChatAnswer {
        role: Option<String>,
        content: Option<String>,
    }

    /// The continuation of a text.
    #[derive(Serialize, Deserialize, ToSchema)]
    pub(crate) struct Completion {
        id: String,
        /// Always `text_completion`.
        object: String,
        /// Seconds since 1970.
        created: u64,
        model: String,
        choices: Vec<CompletionChoice>,
        usage: Option<Usage>,
        /// Names the files and kernels that produced it.
        system_fingerprint: Option<String>,
    }

    #[derive(Serialize, Deserialize, ToSchema)]
    struct CompletionChoice {
        text: String,
        index: u32,
        logprobs: Option<CompletionLogprobs>,
        /// `stop` or `length`.
        finish_reason: Option<String>,
    }

    /// How likely the tokens were; one of each list for each token.
    #[derive(Serialize, Deserialize, ToSchema)]
    struct CompletionLogprobs {
        tokens: Vec<String>,
        token_logprobs: Vec<f32>,
        top_logprobs: Vec<std::collections::HashMap<String, f32>>,
        /// Where the token begins in the text, in characters.
        text_offset: Vec<u32>,
    }

    /// Tokens read and produced, as the miner's receipt says.
    #[derive(Serialize, Deserialize, ToSchema)]
    struct Usage {
        prompt_tokens: u32,
        completion_tokens: u32,
        total_tokens: u32,
    }
}
