//! Damaged headers and tokenizers by the thousand: an error is fine, a panic is not, nor much memory for a small file.
//! `cargo xtask fuzz-gguf` runs it for longer.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    panic::{catch_unwind, AssertUnwindSafe},
    time::{Duration, Instant},
};

use rand_chacha::{
    rand_core::{RngCore, SeedableRng},
    ChaCha8Rng,
};

use super::{
    fixture::{tokenizer, Any, Parts},
    GgufFile,
};
use crate::{template::ChatTemplate, tokenizer::ChatTokenizer};

const SECONDS_VARIABLE: &str = "CUCKOO_FUZZ_SECONDS";
const SEED_VARIABLE: &str = "CUCKOO_FUZZ_SEED";
/// Files that are tried in any case, however fast the machine is.
const FILES: u64 = 20_000;
/// What a file may take while it is read: the patterns of a splitting alone take half a megabyte, whatever the file.
const MAX_BYTES: usize = 2 << 20;
const MAX_BYTES_PER_BYTE: usize = 64;

/// The system's allocator, which counts what the thread holds.
struct Counting;

thread_local! {
    /// Bytes; negative where a thread frees what another took.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(change: isize) {
    // A thread that ends still frees when its counters are gone.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + change);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

/// Runs `run`; its result with the most bytes that this thread held meanwhile beyond what it held before.
fn measured<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.with(Cell::get);
    MOST.with(|most| most.set(before));
    let result = run();
    (result, MOST.with(Cell::get).abs_diff(before))
}

#[expect(unsafe_code, reason = "an allocator is unsafe to write")]
// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

struct Fuzzer {
    rng: ChaCha8Rng,
}

impl Fuzzer {
    fn below(&mut self, limit: usize) -> usize {
        self.rng.next_u64() as usize % limit.max(1)
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn number(&mut self) -> u64 {
        let any = self.rng.next_u64();
        self.pick(&[
            0,
            1,
            2,
            3,
            16,
            17,
            255,
            65_536,
            65_537,
            1 << 31,
            u32::MAX.into(),
            1 << 60,
            u64::MAX,
            u64::MAX - 31,
            any,
        ])
    }

    fn text(&mut self) -> String {
        let known = [
            "",
            " ",
            "a",
            "ab",
            "a b",
            "Ġ",
            "\u{fdd0}",
            "\0",
            "<|im_end|>",
            "</s>",
            "🦆",
            "ð",
            "ab ab",
            "gpt2",
            "qwen2",
        ];
        match self.below(8) {
            0 => self.pick(&known).repeat(self.rng.next_u32() as usize % 300),
            1 => format!("{}{}", self.pick(&known), self.pick(&known)),
            2 => format!("{} {}", self.pick(&known), self.pick(&known)),
            _ => self.pick(&known).to_owned(),
        }
    }

    fn value(&mut self) -> Any {
        match self.below(10) {
            0 => Any::U32(self.number() as u32),
            1 => Any::I32(self.number() as i32),
            2 => Any::U64(self.number()),
            3 => Any::F32(f32::from_bits(self.rng.next_u32())),
            4 => Any::Flag(self.below(2) == 0),
            5 => Any::Text(self.text()),
            6 => Any::Texts((0..self.below(40)).map(|_| self.text()).collect()),
            7 => Any::Numbers((0..self.below(40)).map(|_| self.pick(&[0, 1, 2, 3, 4, 5, 6, -1, i32::MAX])).collect()),
            8 => Any::Nested(self.below(8) as u32),
            _ => {
                let (kind, count) = (self.below(15) as u32, self.number());
                Any::Raw(self.pick(&[8, 9, kind]), [kind.to_le_bytes().as_slice(), &count.to_le_bytes()].concat())
            }
        }
    }

    /// Changes a list in some places, so that most of it stays sound.
    fn nudge(&mut self, value: &mut Any) {
        for _ in 0..=self.below(3) {
            match &mut *value {
                Any::Texts(texts) if !texts.is_empty() => {
                    let (index, other) = (self.below(texts.len()), self.below(texts.len()));
                    match self.below(5) {
                        0 => texts.swap(index, other),
                        1 => drop(texts.remove(index)),
                        2 => texts.insert(index, texts[other].clone()),
                        3 => texts[index] = self.text(),
                        _ => texts[index] = format!("{} {}", texts[index], texts[other]),
                    }
                }
                Any::Numbers(numbers) if !numbers.is_empty() => {
                    let index = self.below(numbers.len());
                    numbers[index] = self.below(8) as i32;
                }
                other => *other = self.value(),
            }
        }
    }

    fn parts(&mut self) -> Parts {
        let pre = self.pick(&["smollm", "smollm", "gpt-2", "gpt-2", "gpt-2", "starcoder", "llama-bpe", "qwen2"]);
        let template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}";
        let mut parts = tokenizer(pre)
            .with("tokenizer.chat_template", Any::Text(template.into()))
            .with("a.nested", Any::Nested(3))
            .with("general.alignment", Any::U32(32))
            .tensor("norm", 0, &[32], &[1; 128])
            .tensor("matrix", 8, &[32, 3], &[1; 102]);
        for _ in 0..=self.below(3) {
            let key = self.below(parts.keys.len());
            let tensor = self.below(parts.tensors.len());
            match self.below(24) {
                0 => drop((parts.keys.len() > 1).then(|| parts.keys.remove(key))),
                1 => parts.keys[key].1 = self.value(),
                2..=17 => {
                    let mut value = parts.keys[key].1.clone();
                    self.nudge(&mut value);
                    parts.keys[key].1 = value;
                }
                18 | 19 => parts.keys.push((self.text(), self.value())),
                20 => {
                    let dimension = self.below(parts.tensors[tensor].dimensions.len());
                    let number = self.number();
                    parts.tensors[tensor].dimensions.get_mut(dimension).into_iter().for_each(|place| *place = number);
                }
                21 => parts.tensors[tensor].offset = self.number(),
                22 => parts.tensors[tensor].dtype = self.below(45) as u32,
                _ => {
                    let number = Some(self.number());
                    match self.below(2) {
                        0 => parts.key_count = number,
                        _ => parts.tensor_count = number,
                    }
                }
            }
        }
        parts
    }

    /// A file that was sound once.
    fn file(&mut self) -> Vec<u8> {
        let mut bytes = self.parts().bytes();
        // Most of what is changed here is noticed at once: two thirds of the files get further.
        let changes = if self.below(3) == 0 { self.below(4) } else { 0 };
        for _ in 0..changes {
            let place = self.below(bytes.len());
            match self.below(5) {
                0 => bytes[place] ^= 1 << self.below(8),
                1 => bytes[place] = self.rng.next_u32() as u8,
                2 => {
                    let number = self.number().to_le_bytes();
                    bytes.iter_mut().skip(place).zip(number).for_each(|(place, byte)| *place = byte);
                }
                3 => bytes.truncate(place.max(1)),
                _ => {
                    let end = (place + self.below(64)).min(bytes.len());
                    let copy = bytes[place..end].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, copy);
                }
            }
        }
        bytes
    }
}

/// How far a file came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Nothing,
    Header,
    Tokenizer,
}

/// Does with the file all that loading a model and a request do before any arithmetic.
fn exercise(bytes: Vec<u8>) -> Reached {
    let Ok(file) = GgufFile::from_bytes(bytes) else { return Reached::Nothing };
    let metadata = file.metadata();
    for key in ["a.nested", "general.alignment", "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"] {
        let _ = (metadata.text(key), metadata.number(key), metadata.float(key), metadata.flag(key));
        let _ = (metadata.texts(key, 1 << 20), metadata.numbers(key, 1 << 20));
    }
    for name in file.tensors() {
        if let Ok(Some(stored)) = file.tensor(name) {
            let blocks = stored.rows * stored.columns / stored.dtype.block_len();
            assert_eq!(stored.bytes.len(), blocks * stored.dtype.block_bytes(), "{name}");
        }
    }
    let Ok(tokenizer) = ChatTokenizer::from_gguf(&file) else { return Reached::Header };
    let quoted = tokenizer.control_names().quote("ab 12 <|im_end|> 🦆 abc");
    for text in ["", "ab 12ab:", "<tool><|endoftext|>ab", &quoted] {
        let mut detokenizer = tokenizer.detokenizer();
        for token in tokenizer.encode(text).unwrap_or_default() {
            let _ = detokenizer.push(token);
        }
        let _ = detokenizer.finish();
    }
    if let Ok(Some(source)) = metadata.text("tokenizer.chat_template") {
        if let Ok(template) = ChatTemplate::new(source, tokenizer.bos_text(), tokenizer.eos_text()) {
            let _ = template.render(&[], 1000);
        }
    }
    Reached::Tokenizer
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn a_text_that_was_tokenised_leaves_nothing_behind() {
    let held = || HELD.with(Cell::get);
    let bytes = tokenizer("smollm").bytes();
    let read = || {
        let file = GgufFile::from_bytes(bytes.clone()).unwrap();
        let tokenizer = ChatTokenizer::from_gguf(&file).unwrap();
        let before = held();
        drop(tokenizer.encode("ab 12ab:").unwrap());
        assert_eq!(held(), before, "while the tokenizer is there");
    };
    // What is made once for the whole program.
    let _ = catch_unwind(AssertUnwindSafe(read));
    let before = held();
    (0..100).for_each(|_| read());
    assert_eq!(held(), before);
}

#[test]
fn damaged_files_are_errors_at_worst() {
    let (limit, seed) = (Duration::from_secs(variable(SECONDS_VARIABLE, 0)), variable(SEED_VARIABLE, 1));
    let mut fuzzer = Fuzzer { rng: ChaCha8Rng::seed_from_u64(seed) };
    let (start, mut reached, mut most) = (Instant::now(), [0u64; 3], 0);
    // What is made once for the whole program is nobody's fault.
    for pre in ["smollm", "gpt-2", "llama-bpe", "qwen2"] {
        assert_eq!(exercise(tokenizer(pre).bytes()), Reached::Tokenizer);
    }
    while start.elapsed() < limit || reached.iter().sum::<u64>() < FILES {
        let bytes = fuzzer.file();
        let number = reached.iter().sum::<u64>();
        let (outcome, held) = measured(|| catch_unwind(AssertUnwindSafe(|| exercise(bytes.clone()))));
        let allowed = MAX_BYTES + MAX_BYTES_PER_BYTE * bytes.len();
        let wrong = |what: &str| format!("seed {seed}, file {number} {what}: {}", hex::encode(&bytes));
        let Ok(outcome) = outcome else { panic!("{}", wrong("panics")) };
        assert!(held <= allowed, "{}", wrong(&format!("takes {held} bytes")));
        reached[outcome as usize] += 1;
        most = most.max(held);
    }
    println!(
        "{} files in {} s from seed {seed}: {} refused at the header, {} at the tokenizer, {} read; most memory {most} bytes",
        reached.iter().sum::<u64>(),
        start.elapsed().as_secs(),
        reached[0],
        reached[1],
        reached[2],
    );
    assert!(reached.iter().all(|count| *count > 50), "some files should get far and some not: {reached:?}");
}
