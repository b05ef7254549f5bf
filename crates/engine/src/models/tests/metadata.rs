use crate::{
    gguf::{
        fixture::{Any, Parts},
        GgufFile,
    },
    models::{family::Family, hyperparameters::Hyperparameters},
};

/// A header of the architecture `architecture`, with other or more values.
fn read(architecture: &str, changes: &[(&str, Any)]) -> Result<Hyperparameters, String> {
    let usual = [
        ("embedding_length", Any::U32(64)),
        ("block_count", Any::U32(2)),
        ("feed_forward_length", Any::U32(96)),
        ("context_length", Any::U32(2_048)),
        ("attention.head_count", Any::U32(4)),
        ("attention.head_count_kv", Any::U32(2)),
        ("attention.layer_norm_rms_epsilon", Any::F32(1e-5)),
    ];
    let mut parts = Parts::new(&[("general.architecture", Any::Text(architecture.into()))]);
    for (key, value) in usual.iter().chain(changes) {
        parts = parts.with(&format!("{architecture}.{key}"), value.clone());
    }
    let file = GgufFile::from_bytes(parts.bytes()).unwrap();
    Family::of(&file.metadata()).map(|(_, sizes)| sizes)
}

#[test]
fn what_a_header_leaves_out_follows_from_the_rest() {
    let sizes = read("llama", &[]).unwrap();
    assert_eq!((sizes.head_len, sizes.kv_heads, sizes.context_tokens), (16, 2, 2_048));
    assert_eq!((sizes.rope_base, sizes.rope_divisor), (10_000.0, 1.0));
    let qwen3 = read("qwen3", &[("attention.key_length", Any::U32(32)), ("rope.freq_base", Any::F32(1e6))]).unwrap();
    assert_eq!((qwen3.head_len, qwen3.rope_base), (32, 1e6));
}

#[test]
fn frequencies_fall_with_the_pairs_and_are_slowed_down() {
    let sizes = read("llama", &[("rope.scaling.type", Any::Text("linear".into()))]).unwrap();
    let plain = sizes.frequencies(None);
    assert_eq!((plain.len(), plain[0]), (8, 1.0));
    assert!((plain[4] - 0.01).abs() < 1e-8);
    let slowed = sizes.frequencies(Some(&[1.0, 1.0, 1.0, 1.0, 8.0, 8.0, 8.0, 8.0]));
    assert!(slowed[0] == 1.0 && (slowed[4] - 0.01 / 8.0).abs() < 1e-9);
    let scaled = read("llama", &[("rope.scaling.factor", Any::F32(4.0))]).unwrap();
    assert_eq!(scaled.frequencies(None)[0], 0.25);
    let off = [("rope.scaling.type", Any::Text("none".into())), ("rope.scaling.factor", Any::F32(4.0))];
    assert_eq!(read("llama", &off).unwrap().rope_divisor, 1.0);
}

#[test]
fn a_window_bounds_the_context() {
    assert_eq!(read("llama", &[("attention.sliding_window", Any::U32(512))]).unwrap().context_tokens, 512);
    assert_eq!(read("llama", &[("attention.sliding_window", Any::U32(0))]).unwrap().context_tokens, 2_048);
}

#[test]
fn headers_that_would_be_computed_wrongly_are_refused() {
    let text = |text: &str| Any::Text(text.into());
    for (key, value) in [
        ("expert_count", Any::U32(8)),
        ("attention.scale", Any::F32(0.5)),
        ("logit_scale", Any::F32(0.25)),
        ("attention.causal", Any::Flag(false)),
        ("rope.scaling.type", text("yarn")),
        ("rope.dimension_count", Any::U32(8)),
        ("attention.value_length", Any::U32(32)),
        ("attention.head_count_kv", Any::U32(3)),
        ("attention.head_count", Any::U32(0)),
        ("attention.head_count", Any::U32(u32::MAX)),
        ("attention.key_length", Any::U32(17)),
        ("block_count", Any::U32(u32::MAX)),
        ("embedding_length", Any::U64(u64::MAX)),
        ("context_length", text("long")),
        ("attention.layer_norm_rms_epsilon", Any::F32(f32::NAN)),
        ("rope.freq_base", Any::F32(-1.0)),
    ] {
        assert!(read("llama", &[(key, value)]).is_err(), "{key}");
    }
    assert!(read("mamba", &[]).unwrap_err().contains("llama, qwen2, qwen3"));
}
