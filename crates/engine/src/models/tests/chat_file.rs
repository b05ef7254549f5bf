use std::path::PathBuf;

use crate::{
    gguf::fixture::{tokenizer, Any, Parts},
    models::ChatFile,
};

const WIDTH: u64 = 8;

/// A llama of one layer whose weights are zero.
fn tiny() -> Parts {
    let mut parts = tokenizer("smollm")
        .with("general.architecture", Any::Text("llama".into()))
        .with("general.name", Any::Text("Tiny Llama".into()))
        .with("llama.attention.layer_norm_rms_epsilon", Any::F32(1e-5));
    for (key, number) in [
        ("embedding_length", WIDTH as u32),
        ("block_count", 1),
        ("feed_forward_length", 16),
        ("context_length", 2_048),
        ("attention.head_count", 2),
    ] {
        parts = parts.with(&format!("llama.{key}"), Any::U32(number));
    }
    let square = ["attn_q", "attn_k", "attn_v", "attn_output"].map(|part| (part, vec![WIDTH, WIDTH]));
    let wide = [("ffn_gate", vec![WIDTH, 16]), ("ffn_up", vec![WIDTH, 16]), ("ffn_down", vec![16, WIDTH])];
    let norms = ["attn_norm", "ffn_norm"].map(|part| (part, vec![WIDTH]));
    let layer = square.into_iter().chain(wide).chain(norms);
    let layer = layer.map(|(part, shape)| (format!("blk.0.{part}.weight"), shape));
    let rest = [("token_embd.weight", vec![WIDTH, 17]), ("output_norm.weight", vec![WIDTH])];
    for (name, shape) in layer.chain(rest.map(|(name, shape)| (name.to_owned(), shape))) {
        let bytes = 4 * shape.iter().product::<u64>() as usize;
        parts = parts.tensor(&name, 0, &shape, &vec![0; bytes]);
    }
    parts
}

fn read(parts: &Parts) -> Result<ChatFile, String> {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("any name");
    std::fs::write(&path, parts.bytes()).unwrap();
    ChatFile::read(&path).map_err(|error| error.to_string())
}

#[test]
fn a_file_says_what_it_is() {
    let found = read(&tiny()).unwrap();
    let expected = ChatFile {
        architecture: "llama".into(),
        context_tokens: 2_048,
        name: Some("Tiny Llama".into()),
        has_template: false,
    };
    assert_eq!(found, expected);
    let template = tiny().with("tokenizer.chat_template", Any::Text("{{ messages[0].content }}".into()));
    assert!(read(&template.without("general.name")).is_ok_and(|file| file.has_template && file.name.is_none()));
    let long = tiny().with("llama.context_length", Any::U32(1 << 23));
    assert_eq!(read(&long).unwrap().context_tokens, 1 << 20, "a manifest can state no more");
}

#[test]
fn what_could_not_be_loaded_is_refused() {
    let text = |text: &str| Any::Text(text.into());
    let narrow = {
        let mut parts = tiny();
        parts.tensors.iter_mut().find(|tensor| tensor.name.ends_with("attn_q.weight")).unwrap().dimensions = vec![8, 4];
        parts
    };
    let stranger = tiny().tensor("blk.0.attn_sinks.weight", 0, &[8], &[0; 32]);
    for (parts, said) in [
        (tiny().with("general.architecture", text("gemma")), "\"gemma\" is not supported"),
        (tiny().with("tokenizer.ggml.model", text("llama")), "tokenizer model \"llama\""),
        (tiny().with("tokenizer.chat_template", text("{% if %}")), "template"),
        (tiny().with("split.count", Any::U32(3)), "one of 3 parts"),
        (narrow, "attn_q.weight is 4 x 8 instead of 8 x 8"),
        (stranger, "attn_sinks"),
    ] {
        let error = read(&parts).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    assert!(ChatFile::read("/nowhere/x.gguf".as_ref()).unwrap_err().to_string().contains("x.gguf"));
}
