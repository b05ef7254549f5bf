use super::{
    fixture::{tokenizer, Any, Parts},
    rewrite, GgufFile,
};
use crate::weights::{Stored, StoredType};

fn sound() -> Parts {
    let floats: Vec<u8> = (0..64u32).flat_map(|number| (number as f32).to_le_bytes()).collect();
    tokenizer("smollm")
        .with("general.name", Any::Text("tiny".into()))
        .with("a.float", Any::F32(0.5))
        .with("a.flag", Any::Flag(true))
        .with("a.large", Any::U64(1 << 40))
        .with("a.negative", Any::I32(-1))
        .with("a.nested", Any::Nested(2))
        .tensor("norm", 0, &[32], &floats[..128])
        .tensor("matrix", 0, &[32, 2], &floats)
        .tensor("blocks", 8, &[32, 3], &[1; 102])
}

#[track_caller]
fn error(parts: &Parts) -> String {
    GgufFile::from_bytes(parts.bytes()).expect_err("refused")
}

#[track_caller]
fn refused(parts: &Parts, words: &[&str]) {
    let error = error(parts);
    assert!(words.iter().all(|word| error.contains(word)), "{error}");
}

#[test]
fn values_are_read_by_their_types() {
    for version in [2, 3] {
        let file = GgufFile::from_bytes(Parts { version, ..sound() }.bytes()).unwrap();
        let metadata = file.metadata();
        assert_eq!(metadata.text("general.name"), Ok(Some("tiny")));
        assert_eq!(metadata.number("tokenizer.ggml.eos_token_id"), Ok(Some(1)));
        assert_eq!(metadata.float("a.float"), Ok(Some(0.5)));
        assert_eq!(metadata.flag("a.flag"), Ok(Some(true)));
        assert_eq!(metadata.texts("tokenizer.ggml.merges", 3).unwrap().unwrap(), ["a b", "Ġ ab", "1 2"]);
        assert_eq!(metadata.numbers("tokenizer.ggml.token_type", 17).unwrap().unwrap()[..2], [3, 3]);
        assert_eq!(metadata.text("a.missing"), Ok(None));
    }
}

#[test]
fn a_value_of_another_type_is_an_error_that_names_the_key() {
    let file = GgufFile::from_bytes(sound().bytes()).unwrap();
    let metadata = file.metadata();
    assert!(metadata.required_text("a.missing").unwrap_err().contains("a.missing is missing"));
    assert!(metadata.text("a.flag").unwrap_err().contains("a.flag has an unexpected type: it is a flag, a text is"));
    assert!(metadata.number("a.large").unwrap_err().contains("a.large is 1099511627776"));
    assert!(metadata.number("a.negative").unwrap_err().contains("-1"));
    assert!(metadata.number("a.float").unwrap_err().contains("a whole number is expected"));
    assert!(metadata.numbers("tokenizer.ggml.merges", 9).unwrap_err().contains("an array with a text"));
    assert!(metadata.texts("a.nested", 9).unwrap_err().contains("array"));
    assert!(metadata.texts("general.name", 9).unwrap_err().contains("it is a text"));
    assert!(metadata.texts("tokenizer.ggml.merges", 2).unwrap_err().contains("3 elements, at most 2"));
    let odd =
        sound().with("a.flag", Any::Raw(7, vec![2])).with("a.text", Any::Raw(8, b"\x01\0\0\0\0\0\0\0\xff".to_vec()));
    let odd = odd.with("a.float", Any::F32(f32::NAN));
    let file = GgufFile::from_bytes(odd.bytes()).unwrap();
    assert!(file.metadata().flag("a.flag").unwrap_err().contains("neither true nor false"));
    assert!(file.metadata().text("a.text").unwrap_err().contains("not UTF-8"));
    assert!(file.metadata().float("a.float").unwrap_err().contains("NaN"));
}

#[test]
fn tensors_are_found_where_they_are() {
    let file = GgufFile::from_bytes(sound().bytes()).unwrap();
    assert_eq!(file.tensors().collect::<Vec<_>>(), ["norm", "matrix", "blocks"]);
    let matrix = file.tensor("matrix").unwrap().unwrap();
    assert_eq!((matrix.rows, matrix.columns, matrix.dtype, matrix.bytes.len()), (2, 32, StoredType::F32, 256));
    assert_eq!(matrix.bytes[252..], 63f32.to_le_bytes());
    let norm = file.tensor("norm").unwrap().unwrap();
    assert_eq!((norm.rows, norm.columns), (1, 32));
    assert_eq!(file.tensor("blocks").unwrap().unwrap().bytes, [1; 102]);
    assert!(file.tensor("other").unwrap().is_none());
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let bytes = sound().bytes();
    for length in 0..bytes.len() {
        let error = GgufFile::from_bytes(bytes[..length].to_vec()).expect_err("cut off");
        assert!(error.contains("file"), "cut at {length}: {error}");
    }
}

#[test]
fn what_is_no_gguf_is_named() {
    let mut bytes = sound().bytes();
    bytes[0] = b'g';
    assert!(GgufFile::from_bytes(bytes).unwrap_err().contains("no GGUF file"));
    refused(&Parts { version: 1, ..sound() }, &["version 1"]);
    refused(&Parts { version: 3u32.swap_bytes(), ..sound() }, &["big-endian"]);
}

#[test]
fn absurd_counts_are_refused() {
    for count in [1 << 60, u64::MAX, (1 << 16) + 1] {
        refused(&Parts { key_count: Some(count), ..sound() }, &["number of keys", "too many"]);
        refused(&Parts { tensor_count: Some(count), ..sound() }, &["number of tensors", "too many"]);
    }
    refused(&Parts { key_count: Some(60_000), ..sound() }, &["number of keys", "do not fit"]);
    let array =
        |kind: u32, count: u64| Any::Raw(9, [kind.to_le_bytes().as_slice(), count.to_le_bytes().as_slice()].concat());
    for kind in [0, 4, 8, 9, 12] {
        refused(&sound().with("an.array", array(kind, 1 << 60)), &["an.array", "do not fit"]);
    }
    refused(&sound().with("a.text", Any::Raw(8, (u64::MAX - 3).to_le_bytes().to_vec())), &["a.text", "the file ends"]);
}

#[test]
fn unknown_types_and_deep_arrays_are_refused() {
    refused(&sound().with("a.kind", Any::Raw(13, vec![0; 8])), &["a.kind", "unknown type 13"]);
    refused(&sound().with("an.array", Any::Raw(9, vec![13, 0, 0, 0])), &["an.array", "unknown type 13"]);
    GgufFile::from_bytes(sound().with("an.array", Any::Nested(3)).bytes()).unwrap();
    refused(&sound().with("an.array", Any::Nested(4)), &["an.array", "deep"]);
    refused(&sound().with("an.array", Any::Nested(10_000)), &["an.array", "deep"]);
}

#[test]
fn names_are_there_once_and_are_text() {
    let mut twice = sound();
    twice.keys.push(("a.flag".into(), Any::U32(1)));
    refused(&twice, &["a.flag is there twice"]);
    refused(&sound().with("", Any::U32(1)), &["a key has 0 bytes"]);
    refused(&sound().with(&"k".repeat(257), Any::U32(1)), &["a key has 257 bytes"]);
    let mut same = sound();
    same.tensors[1].name = "norm".into();
    refused(&same, &["norm is there twice"]);
}

#[test]
fn absurd_tensors_are_refused() {
    let with = |change: &dyn Fn(&mut Parts)| {
        let mut parts = sound();
        change(&mut parts);
        parts
    };
    let dimensions = |dimensions: Vec<u64>| with(&|parts: &mut Parts| parts.tensors[1].dimensions = dimensions.clone());
    refused(&dimensions(vec![]), &["matrix", "0 dimensions"]);
    refused(&dimensions(vec![1; 5]), &["matrix", "5 dimensions"]);
    refused(&dimensions(vec![32, 0]), &["matrix", "a dimension is 0"]);
    refused(&dimensions(vec![1 << 40, 1 << 40]), &["matrix", "absurd"]);
    refused(&dimensions(vec![u64::MAX]), &["matrix", "absurd"]);
    refused(&dimensions(vec![1 << 32]), &["matrix", "behind the file's end"]);
    refused(&with(&|parts| parts.tensors[2].dimensions[0] = 33), &["blocks", "no multiple of 32"]);
    refused(&with(&|parts| parts.tensors[2].dtype = 10), &["blocks", "q2_k (10)"]);
    refused(&with(&|parts| parts.tensors[2].dtype = 77), &["blocks", "unknown (77)"]);
    refused(&with(&|parts| parts.tensors[1].offset = 0), &["norm", "matrix", "overlap"]);
    refused(&with(&|parts| parts.tensors[1].offset = 33), &["matrix", "alignment 32"]);
    refused(&with(&|parts| parts.tensors[1].offset = u64::MAX - 31), &["matrix", "behind the file's end"]);
}

#[test]
fn the_alignment_is_the_files_own() {
    for wrong in [0, 3, 1 << 17] {
        refused(&sound().with("general.alignment", Any::U32(wrong)), &["general.alignment", "power of two"]);
    }
    refused(&sound().with("general.alignment", Any::Flag(true)), &["general.alignment", "unexpected type"]);
    let mut wide = Parts { alignment: 64, ..tokenizer("smollm") }.with("general.alignment", Any::U32(64));
    wide = wide.tensor("a", 0, &[1], &[1; 4]).tensor("b", 0, &[1], &[2; 4]);
    assert_eq!(GgufFile::from_bytes(wide.bytes()).unwrap().tensor("b").unwrap().unwrap().bytes, [2; 4]);
}

#[test]
fn three_dimensions_are_no_matrix() {
    let file = GgufFile::from_bytes(sound().tensor("cube", 0, &[2, 2, 2], &[0; 32]).bytes()).unwrap();
    let error = file.tensor("cube").unwrap_err().to_string();
    assert!(error.contains("cube") && error.contains("[2, 2, 2]"), "{error}");
}

#[test]
fn a_file_written_again_keeps_all_but_the_types() {
    let file = GgufFile::from_bytes(sound().bytes()).unwrap();
    let mut out = Vec::new();
    let mut done = 0;
    let encode = |rows: Stored<'_>| vec![7; rows.rows * rows.columns / 32 * StoredType::Q8_0.block_bytes()];
    rewrite(
        &file,
        &mut out,
        &|info| if info.name == "matrix" { StoredType::Q8_0 } else { info.dtype },
        &encode,
        &mut |bytes| done += bytes,
    )
    .unwrap();
    let new = GgufFile::from_bytes(out).unwrap();
    assert_eq!(new.contents()[new.header().values_at.clone()], file.contents()[file.header().values_at.clone()]);
    assert_eq!(new.tensors().collect::<Vec<_>>(), ["norm", "matrix", "blocks"]);
    assert_eq!(new.tensor("matrix").unwrap().unwrap().bytes, [7; 68]);
    for same in ["norm", "blocks"] {
        assert_eq!(new.tensor(same).unwrap().unwrap().bytes, file.tensor(same).unwrap().unwrap().bytes);
    }
    assert!(done > 128 + 256 + 102, "{done}");
}

#[test]
fn a_folder_or_an_empty_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(GgufFile::open(dir.path()).unwrap_err().to_string().contains("no plain file"));
    let path = dir.path().join("empty.gguf");
    std::fs::write(&path, "").unwrap();
    let error = GgufFile::open(&path).unwrap_err().to_string();
    assert!(error.contains("empty.gguf") && error.contains("magic"), "{error}");
    std::fs::write(&path, sound().bytes()).unwrap();
    assert_eq!(GgufFile::open(&path).unwrap().metadata().text("general.name"), Ok(Some("tiny")));
}
