use cuckoo_engine::{
    ChatMessage, Engine, EngineError, FinishReason, GenerateRequest, GenerationEvent, Prompt, ResponseFormat, Sampling,
    TokenLogprobs,
};
use cuckoo_sampler::Parameters;
use futures::future::join_all;
use serde_json::Value;

use crate::load::{engine, CHAT};

const RECIPE: &str = r#"{
    "type": "object",
    "properties": {
        "name": { "type": "string", "maxLength": 20 },
        "minutes": { "type": "integer", "minimum": 1, "maximum": 300 },
        "course": { "enum": ["starter", "main", "dessert"] },
        "steps": { "type": "array", "items": { "type": "string", "maxLength": 20 }, "minItems": 1, "maxItems": 3 }
    },
    "required": ["name", "minutes", "course", "steps"],
    "additionalProperties": false
}"#;

fn request(question: &str, sampling: Sampling) -> GenerateRequest {
    let message = ChatMessage { role: "user".into(), content: question.into() };
    GenerateRequest::new(CHAT, Prompt::Chat(vec![message]), sampling)
}

/// Text, what was reported of its tokens, how many they are, and why it ended.
async fn ask(engine: &dyn Engine, request: GenerateRequest) -> (String, Vec<TokenLogprobs>, u32, FinishReason) {
    let mut generation = engine.generate(request).await.unwrap();
    let (mut text, mut reports) = (String::new(), Vec::new());
    loop {
        match generation.events.recv().await.expect("a last event") {
            GenerationEvent::Piece { text: piece, logprobs, .. } => {
                text.push_str(&piece);
                reports.extend(logprobs);
            }
            GenerationEvent::Done { completion_tokens, finish, .. } => {
                return (text, reports, completion_tokens, finish);
            }
            GenerationEvent::Failed(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn answers_follow_a_schema_however_wild_the_choices() {
    let engine = engine(CHAT, 8, 8);
    let answers = join_all((0..8).map(|seed| {
        let format = ResponseFormat::JsonSchema(RECIPE.into());
        let draw = Parameters { temperature: Parameters::MAX_TEMPERATURE, ..Sampling::default().draw };
        let sampling = Sampling { draw, seed: [seed; 32], format, max_tokens: Some(400), ..Sampling::default() };
        ask(&engine, request("A recipe as JSON, please.", sampling))
    }))
    .await;
    for (text, _, _, finish) in answers {
        assert_eq!(finish, FinishReason::Stop, "{text}");
        let recipe: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!((1..=300).contains(&recipe["minutes"].as_u64().unwrap()), "{text}");
        assert!(["starter", "main", "dessert"].contains(&recipe["course"].as_str().unwrap()), "{text}");
        assert!((1..=3).contains(&recipe["steps"].as_array().unwrap().len()), "{text}");
        assert!(recipe["name"].as_str().unwrap().chars().count() <= 20, "{text}");
        assert_eq!(recipe.as_object().unwrap().len(), 4, "{text}");
    }
}

#[tokio::test]
async fn a_schema_that_makes_no_sense_is_refused_before_anything_runs() {
    let engine = engine(CHAT, 1, 0);
    let format = ResponseFormat::JsonSchema(r#"{ "type": "nonsense" }"#.into());
    let refused = engine.generate(request("Hi", Sampling { format, ..Sampling::default() })).await;
    assert!(matches!(refused, Err(EngineError::InvalidRequest(why)) if why.contains("nonsense")));
}

#[tokio::test]
async fn log_probabilities_are_of_the_tokens_of_the_answer() {
    let engine = engine(CHAT, 1, 0);
    let sampling = Sampling { logprobs: Some(5), max_tokens: Some(40), ..Sampling::default() };
    let (text, reports, tokens, _) = ask(&engine, request("Write 'wave' as an emoji: 🌊", sampling)).await;
    assert_eq!(reports.len(), tokens as usize);
    let bytes: Vec<u8> = reports.iter().flat_map(|report| report.chosen.bytes.clone()).collect();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
    for TokenLogprobs { chosen, top } in reports {
        assert_eq!((top.len(), &top[0]), (5, &chosen), "greedy takes the likeliest");
        assert!(top.is_sorted_by(|one, next| one.logprob >= next.logprob));
        let sum: f32 = top.iter().map(|token| token.logprob.exp()).sum();
        assert!(sum > 0.0 && sum < 1.0001, "{sum}");
    }
}
