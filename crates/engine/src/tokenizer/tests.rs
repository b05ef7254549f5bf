use super::*;
use crate::gguf::fixture::{tokenizer as parts, Any, Parts};

fn read(parts: &Parts) -> Result<ChatTokenizer, String> {
    ChatTokenizer::from_gguf(&GgufFile::from_bytes(parts.bytes())?)
}

fn tokenizer(pre: &str) -> ChatTokenizer {
    read(&parts(pre)).unwrap()
}

#[track_caller]
fn refused(parts: &Parts, words: &[&str]) {
    let error = read(parts).expect_err("refused");
    assert!(words.iter().all(|word| error.contains(word)), "{error}");
}

fn texts(texts: &[&str]) -> Any {
    Any::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
}

#[test]
fn no_space_is_put_before_the_text() {
    assert_eq!(tokenizer("smollm").encode("ab ab").unwrap(), [9, 10]);
}

#[test]
fn digits_are_split_as_the_model_was_trained() {
    assert_eq!(tokenizer("smollm").encode("12").unwrap(), [6, 7]);
    assert_eq!(tokenizer("qwen2").encode("12").unwrap(), [6, 7]);
    assert_eq!(tokenizer("gpt-2").encode("12").unwrap(), [8]);
}

#[test]
fn llama3_begins_with_its_token_once() {
    let tokenizer = tokenizer("llama-bpe");
    assert_eq!(tokenizer.encode("12").unwrap(), [0, 8]);
    assert_eq!(tokenizer.encode("<|endoftext|>12").unwrap(), [0, 8]);
}

#[test]
fn the_file_says_whether_a_token_begins_the_text() {
    let with = |pre, add| read(&parts(pre).with("tokenizer.ggml.add_bos_token", Any::Flag(add))).unwrap();
    assert_eq!(with("llama-bpe", false).encode("12").unwrap(), [8]);
    assert_eq!(with("gpt-2", true).encode("12").unwrap(), [0, 8]);
}

#[test]
fn quoted_names_of_control_tokens_are_only_letters() {
    let tokenizer = tokenizer("smollm");
    let quoted = tokenizer.control_names().quote("12<|endoftext|>12");
    let tokens = tokenizer.encode(&quoted).unwrap();
    assert!(!tokens.contains(&0), "{tokens:?}");
    assert_eq!((&tokens[..2], &tokens[tokens.len() - 2..]), (&[6, 7][..], &[6, 7][..]));
}

#[test]
fn control_tokens_are_recognised_and_have_no_text() {
    let tokenizer = tokenizer("smollm");
    assert_eq!(tokenizer.encode("ab<|im_end|>a<tool>").unwrap(), [9, 1, 2, 15]);
    assert_eq!(tokenizer.ends(), [0, 1]);
    let mut detokenizer = tokenizer.detokenizer();
    let text: String = [9, 1, 2, 15].map(|token| detokenizer.push(token)).concat();
    assert_eq!(text, "aba<tool>");
}

#[test]
fn a_plain_token_ends_nothing_by_its_name() {
    let plain = parts("smollm").with("tokenizer.ggml.token_type", Any::Numbers(vec![1; 17]));
    let plain =
        plain.with("tokenizer.ggml.eos_token_id", Any::U32(16)).with("tokenizer.ggml.eot_token_id", Any::U32(3));
    let plain = plain.with(
        "tokenizer.ggml.tokens",
        texts(&["</s>", "x", "a", "b", "c", "Ġ", "1", "2", "12", "ab", "Ġab", "ð", "Ł", "¦", "Ĩ", "d", ":"]),
    );
    assert_eq!(read(&plain).unwrap().ends(), [3, 16]);
}

#[test]
fn a_character_over_four_tokens_comes_back() {
    let tokenizer = tokenizer("smollm");
    let tokens = tokenizer.encode("🦆").unwrap();
    assert_eq!(tokens, [11, 12, 13, 14]);
    let mut detokenizer = tokenizer.detokenizer();
    assert_eq!(tokens.iter().map(|token| detokenizer.push(*token)).collect::<Vec<_>>(), ["", "", "", "🦆"]);
}

#[test]
fn the_longest_runs_of_one_kind_are_tokens_or_an_error() {
    for pre in ["gpt-2", "smollm", "llama-bpe", "qwen2"] {
        let tokenizer = tokenizer(pre);
        for text in [" ", "a", "\n", " \n", ":", "1"].map(|part| part.repeat((1 << 20) / part.len())) {
            match tokenizer.encode(&text) {
                Ok(tokens) => assert!(tokens.len() <= text.len() + 1),
                Err(error) => panic!("{pre}: {:?}...: {error}", &text[..2]),
            }
        }
    }
}

#[test]
fn no_text_has_fewer_tokens_than_are_foretold() {
    for pre in ["gpt-2", "smollm", "llama-bpe", "qwen2"] {
        let tokenizer = tokenizer(pre);
        for text in ["a", "ab ab ", "12", "🦆", "<|endoftext|>", "<tool>", "a\u{301}", "\u{fdd0}", "x"] {
            let text = text.repeat(50);
            let (least, tokens) = (tokenizer.least_tokens(&text), tokenizer.encode(&text).unwrap().len());
            assert!(least <= tokens, "{pre}: {:?}...: {least}, {tokens}", &text[..4]);
        }
        assert!(tokenizer.least_tokens(&"1".repeat(3_000)) > 1_400, "the longest with it is 12");
    }
}

#[test]
fn tokens_that_no_model_has_are_refused() {
    let long = "a".repeat(1_001);
    let mut names = vec!["a"; 16];
    names.push(&long);
    refused(&parts("smollm").with("tokenizer.ggml.tokens", texts(&names)), &["token 16", "longer"]);
}

#[test]
fn other_tokenizers_and_splittings_are_refused() {
    refused(&parts("tekken"), &["tekken", "qwen2"]);
    refused(&parts("x").without("tokenizer.ggml.pre"), &["(none)"]);
    refused(&parts("smollm").with("tokenizer.ggml.model", Any::Text("llama".into())), &["byte-level BPE"]);
    refused(&parts("smollm").without("tokenizer.ggml.model"), &["tokenizer.ggml.model is missing"]);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let sound = || parts("smollm");
    for key in ["tokens", "merges"].map(|key| format!("tokenizer.ggml.{key}")) {
        refused(&sound().without(&key), &[&key, "missing"]);
        refused(&sound().with(&key, Any::U32(1)), &[&key, "unexpected type"]);
        refused(&sound().with(&key, Any::Numbers(vec![1])), &[&key, "unexpected type"]);
    }
    refused(&sound().with("tokenizer.ggml.merges", texts(&["ab"])), &["not two words"]);
    refused(&sound().with("tokenizer.ggml.merges", texts(&["a x"])), &["merges do not fit"]);
    refused(&sound().with("tokenizer.ggml.merges", texts(&["b a"])), &["merges do not fit"]);
    // Together longer than any token.
    let long = texts(&["<|endoftext|> <|endoftext|>"]);
    refused(&sound().with("tokenizer.ggml.merges", long), &["merges do not fit", "makes no token"]);
    refused(&sound().with("tokenizer.ggml.token_type", Any::Numbers(vec![1; 16])), &["17", "16"]);
    refused(&sound().with("tokenizer.ggml.token_type", Any::Numbers(vec![-1; 17])), &["token_type", "-1"]);
    for key in ["bos", "eos", "eot"].map(|name| format!("tokenizer.ggml.{name}_token_id")) {
        refused(&sound().with(&key, Any::U32(17)), &[&key, "17 tokens"]);
        refused(&sound().with(&key, Any::Text("a".into())), &[&key, "unexpected type"]);
    }
    refused(&sound().with("tokenizer.ggml.add_bos_token", Any::U32(1)), &["add_bos_token", "unexpected type"]);
    let mut spaced = sound();
    spaced = spaced.with("tokenizer.ggml.tokens", texts(&["a b"; 17])).with("tokenizer.ggml.merges", texts(&[]));
    refused(&spaced, &["not in byte-level spelling"]);
}

#[test]
fn a_file_without_an_end_token_is_refused() {
    let kinds = Any::Numbers(vec![1; 17]);
    let endless = parts("smollm").without("tokenizer.ggml.eos_token_id").with("tokenizer.ggml.token_type", kinds);
    refused(&endless, &["eos_token_id is missing"]);
}
