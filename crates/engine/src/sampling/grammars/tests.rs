use rand_chacha::{
    rand_core::{RngCore, SeedableRng},
    ChaCha8Rng,
};

use serde_json::Value;

use super::*;
use crate::{
    api::Sampling,
    detokenizer::Detokenizer,
    sampling::{Chooser, Chosen},
};

const END: u32 = 256;
const PERSON: &str = r##"{
    "type": "object",
    "properties": {
        "name": { "type": "string", "maxLength": 12 },
        "age": { "type": "integer", "minimum": 0, "maximum": 150 },
        "mood": { "enum": ["glad", "sad"] },
        "children": { "type": "array", "items": { "$ref": "#" }, "maxItems": 1 }
    },
    "required": ["name", "age", "mood"],
    "additionalProperties": false
}"##;

/// What a mask may take beyond what the budget had left: the library looks at its limits between parts of it.
const MOST_STEPS_OF_A_MASK: u64 = 200_000;
const MOST_BYTES_OF_A_MASK: usize = 8 << 20;

/// Each byte, the end, a control token, and some that JSON is full of.
fn small_vocabulary() -> Arc<TokenBytes> {
    let bytes = (0..=u8::MAX).map(|byte| vec![byte]);
    let longer = ["", "", "{\"", "\": \"", "\",\"", "}}", "name", "\"name\":", "true", "\n  ", "🦆", "\"}"];
    Arc::new(TokenBytes::new(bytes.chain(longer.iter().map(|token| token.as_bytes().to_vec()))).unwrap())
}

fn small() -> Grammars {
    Grammars::new(small_vocabulary(), &[END], 8)
}

fn schema(text: impl Into<String>) -> ResponseFormat {
    ResponseFormat::JsonSchema(text.into())
}

/// Text that random logits, the same for each seed, make within `most` tokens; none if it did not end.
fn noise(constraint: Constraint, bytes: &Arc<TokenBytes>, ends: &[u32], seed: u64, most: u64) -> Option<String> {
    let mut chooser = Chooser::new(&Sampling::drawn(seed), Some(constraint), bytes.clone());
    let mut detokenizer = Detokenizer::new(bytes.clone());
    let mut noise = ChaCha8Rng::seed_from_u64(seed);
    let mut text = String::new();
    for position in 0..most {
        // What ends a text, a string or an object becomes likelier and likelier, so that random texts come to an end.
        let logits: Vec<f32> = (0u32..)
            .zip(bytes.all())
            .map(|(token, bytes)| {
                let closes = ends.contains(&token) || bytes.iter().any(|byte| b"\"]}".contains(byte));
                let urge = if closes { position as f32 / 4.0 } else { 0.0 };
                urge + (noise.next_u32() >> 16) as f32 / 8192.0
            })
            .collect();
        let Chosen { token, .. } = chooser.choose(&logits).unwrap();
        chooser.take(token);
        if ends.contains(&token) {
            return Some(text + &detokenizer.finish());
        }
        text.push_str(&detokenizer.push(token));
    }
    None
}

#[track_caller]
fn assert_is_person(text: &str) {
    let person: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let known = ["name", "age", "mood", "children"];
    assert!(person.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{text}");
    assert!(person["name"].as_str().unwrap().chars().count() <= 12, "{text}");
    assert!(person["age"].as_u64().unwrap() <= 150, "{text}");
    assert!(["glad", "sad"].contains(&person["mood"].as_str().unwrap()), "{text}");
}

#[tokio::test]
async fn text_follows_no_grammar() {
    assert!(small().constraint(&ResponseFormat::Text).await.unwrap().is_none());
}

#[tokio::test]
async fn whatever_the_model_says_it_is_an_object() {
    let (grammars, bytes) = (small(), small_vocabulary());
    for seed in 0..200 {
        let constraint = grammars.constraint(&ResponseFormat::JsonObject).await.unwrap().unwrap();
        let text = noise(constraint, &bytes, &[END], seed, 600).unwrap_or_else(|| panic!("seed {seed} did not end"));
        assert!(serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}")).is_object());
    }
}

#[tokio::test]
async fn whatever_the_model_says_it_is_as_the_schema_says() {
    let (grammars, bytes) = (small(), small_vocabulary());
    for seed in 0..200 {
        let constraint = grammars.constraint(&schema(PERSON)).await.unwrap().unwrap();
        assert_is_person(&noise(constraint, &bytes, &[END], seed, 600).unwrap());
    }
}

#[tokio::test]
async fn only_the_end_is_left_when_the_shape_is_complete() {
    let grammars = small();
    let format = schema(r#"{ "const": { "a": 1 } }"#);
    let mut constraint = grammars.constraint(&format).await.unwrap().unwrap();
    let allowed = |constraint: &mut Constraint| {
        let mut logits = vec![0.0; small_vocabulary().all().len()];
        constraint.forbid(&mut logits).unwrap();
        (0u32..).zip(logits).filter(|(_, logit)| *logit == 0.0).map(|(token, _)| token).collect::<Vec<_>>()
    };
    assert!(!allowed(&mut constraint).contains(&END));
    for byte in br#"{"a":1}"# {
        assert!(allowed(&mut constraint).contains(&u32::from(*byte)));
        constraint.accept(u32::from(*byte));
    }
    assert!(allowed(&mut constraint).contains(&END));
    constraint.accept(END);
    assert_eq!(allowed(&mut constraint), [END]);
}

#[tokio::test]
async fn schemas_that_make_no_sense_are_the_callers_error() {
    let grammars = small();
    for (bad, names) in [
        ("{", "JSON"),
        ("[]", "object"),
        ("true", "object"),
        (r#"{ "type": "strin" }"#, "strin"),
        (r##"{ "$ref": "#/$defs/nothing" }"##, "nothing"),
        (r#"{ "type": "string", "pattern": "(" }"#, "("),
        (r#"{ "type": "integer", "minimum": 3, "maximum": 2 }"#, "minimum"),
        (r##"{ "$ref": "#" }"##, "nothing satisfies"),
        (r#"{ "x-guidance": { "item_separator": "x" } }"#, "x-guidance"),
    ] {
        match grammars.constraint(&schema(bad)).await.map(|_| ()) {
            Err(EngineError::InvalidRequest(why)) => assert!(why.contains(names) && why.len() < 2000, "{bad}: {why}"),
            other => panic!("{bad}: {other:?}"),
        }
    }
}

/// Schemas within the size limit that aim at stack, time or memory.
fn hostile() -> Vec<(&'static str, String)> {
    let chain = |count: usize, link: &dyn Fn(usize) -> String| {
        let links: Vec<_> = (0..count).map(|number| format!("\"d{number}\":{}", link(number))).collect();
        format!("{{\"$ref\":\"#/$defs/d0\",\"$defs\":{{{},\"d{count}\":{{\"type\":\"string\"}}}}}}", links.join(","))
    };
    let next = |number: usize| format!("{{\"$ref\":\"#/$defs/d{}\"}}", number + 1);
    vec![
        ("a chain of references", chain(900, &next)),
        ("a chain through allOf", chain(400, &|n| format!("{{\"allOf\":[{}]}}", next(n)))),
        ("a chain through properties", chain(400, &|n| format!("{{\"properties\":{{\"a\":{}}}}}", next(n)))),
        ("a doubling allOf", chain(40, &|n| format!("{{\"allOf\":[{},{}]}}", next(n), next(n)))),
        ("a doubling anyOf", chain(40, &|n| format!("{{\"anyOf\":[{},{}]}}", next(n), next(n)))),
        ("a doubling oneOf", chain(40, &|n| format!("{{\"oneOf\":[{},{}]}}", next(n), next(n)))),
        ("a loop through properties", r##"{ "properties": { "a": { "$ref": "#" } }, "required": ["a"] }"##.into()),
        ("a long string", r#"{ "type": "string", "minLength": 1000000000 }"#.into()),
        ("a long array", r#"{ "type": "array", "minItems": 1000000000 }"#.into()),
        ("repeated repeats", r#"{ "type": "string", "pattern": "^((((a{1000}){1000}){1000}){1000})$" }"#.into()),
        ("ambiguous repeats", r#"{ "type": "string", "pattern": "^(.*a.{500}){3}b$" }"#.into()),
        ("many properties", {
            let properties: Vec<_> = (0..1900).map(|number| format!("\"p{number}\":{{}}")).collect();
            format!("{{\"type\":\"object\",\"properties\":{{{}}}}}", properties.join(","))
        }),
        ("many alternatives", {
            let objects: Vec<_> = (0..240)
                .map(|number| {
                    format!(
                        "{{\"properties\":{{\"a{number}\":{{\"type\":\"integer\"}}}},\"required\":[\"a{number}\"]}}"
                    )
                })
                .collect();
            format!("{{\"anyOf\":[{}]}}", objects.join(","))
        }),
        ("a large multiple", r#"{ "type": "number", "multipleOf": 9973, "minimum": 3, "maximum": 1e15 }"#.into()),
        ("intersected patterns", intersected(8, 400)),
        ("two intersected patterns", intersected(2, 200)),
        ("two patterns of many classes", classes(2, "allOf", "")),
        ("many patterns of many classes", classes(6, "allOf", "")),
        ("patterns of many classes behind a rare beginning", {
            let key = classes(6, "allOf", "Q|q");
            format!("{{\"type\":\"object\",\"properties\":{{\"k\":{key}}},\"required\":[\"k\"]}}")
        }),
        ("alternatives of many classes beside a pattern", classes(6, "pattern\":\"^a\",\"anyOf", "")),
    ]
}

/// Strings that match, in the way of `keyword`, one of many two-letter words that all share a letter, in `count` ways; or `else_`.
fn classes(count: usize, keyword: &str, else_: &str) -> String {
    let letters = || ('b'..='z').chain('A'..='P');
    let pattern = |shift: usize| {
        let words: Vec<_> =
            letters().zip(letters().cycle().skip(shift)).map(|(one, other)| format!("[a{one}]{other}")).collect();
        format!("{{\"type\":\"string\",\"pattern\":\"^({else_}({}))$\"}}", words.join("|"))
    };
    let patterns: Vec<_> = (0..count).map(pattern).collect();
    format!("{{\"{keyword}\":[{}]}}", patterns.join(","))
}

/// Strings that match all of `count` patterns.
fn intersected(count: usize, apart: usize) -> String {
    let patterns: Vec<_> = (0..count)
        .map(|number| format!("{{\"type\":\"string\",\"pattern\":\"^.*a.{{{}}}b.*$\"}}", apart + number))
        .collect();
    format!("{{\"allOf\":[{}]}}", patterns.join(","))
}

/// The token that a model takes which likes to say "a", else the lowest number.
fn liked(mask: &SimpleVob) -> u32 {
    let a = u32::from(b'a');
    mask.iter().find(|token| *token == a).or_else(|| mask.iter().next()).expect("a mask allows something")
}

/// Steps that 200 tokens take, and the memory after them; or why they cannot be followed.
fn cost(walk: &mut Walk, first: &SimpleVob) -> Result<(u64, usize), EngineError> {
    let mut token = liked(first);
    for _ in 0..200 {
        token = liked(&walk.next(token)?);
    }
    Ok((walk.spent(), walk.bytes()))
}

#[tokio::test]
async fn hostile_schemas_are_refused_or_followed_within_bounds() {
    let grammars = small();
    for (name, text) in hostile() {
        assert!(text.len() <= 64 << 10, "{name}: {}", text.len());
        let walked = match read_schema(&text) {
            Ok(schema) => grammars.walk(schema).await,
            Err(why) => Err(refused(&why)),
        };
        let outcome = walked.and_then(|(mut walk, first)| {
            let outcome = cost(&mut walk, &first);
            let (steps, bytes) = (walk.spent(), walk.bytes());
            println!("{name}: {steps} steps, {bytes} bytes");
            assert!(steps <= BUDGET.steps + 201 * BUDGET.steps_per_token + MOST_STEPS_OF_A_MASK, "{name}: {steps}");
            assert!(bytes <= BUDGET.bytes + MOST_BYTES_OF_A_MASK, "{name}: {bytes}");
            outcome
        });
        match outcome {
            Ok(_) => {}
            Err(EngineError::InvalidRequest(why)) => println!("{name}: {why}"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

#[tokio::test]
async fn what_following_may_cost_is_counted() {
    let grammars = small();
    let (mut walk, first) = grammars.walk(read_schema(PERSON).unwrap()).await.unwrap();
    let (steps, bytes) = cost(&mut walk, &first).unwrap();
    assert!(steps > 0 && bytes > 0);
    for (budget, names) in [
        (Budget { steps: steps / 2, steps_per_token: 0, ..BUDGET }, "work"),
        (Budget { bytes: bytes - 1, ..BUDGET }, "memory"),
    ] {
        let (walk, first) = grammars.walk(read_schema(PERSON).unwrap()).await.unwrap();
        let refused = cost(&mut walk.with_budget(budget), &first).unwrap_err();
        assert!(matches!(&refused, EngineError::InvalidRequest(why) if why.contains(names)), "{refused}");
    }
    let (walk, first) = grammars.walk(read_schema(PERSON).unwrap()).await.unwrap();
    let exactly = cost(&mut walk.with_budget(Budget { steps, steps_per_token: 0, bytes }), &first);
    assert_eq!(exactly.unwrap(), (steps, bytes), "and costs the same each time");
}

#[tokio::test]
async fn grammars_beyond_those_that_may_be_there_wait_for_one_to_go() {
    let grammars = Grammars::new(small_vocabulary(), &[END], 2);
    let format = schema(PERSON);
    let one = grammars.constraint(&format).await.unwrap();
    let _other = grammars.constraint(&format).await.unwrap();
    // The threads that made them may still be there.
    let turns = tokio::time::timeout(PATIENCE, grammars.turns.acquire_many(AT_ONCE as u32)).await;
    drop(turns.unwrap());
    let third = grammars.constraint(&format);
    tokio::pin!(third);
    assert!(futures::poll!(&mut third).is_pending());
    assert_eq!(grammars.turns.available_permits(), AT_ONCE, "it is not made");
    drop(one);
    third.await.unwrap();
}
