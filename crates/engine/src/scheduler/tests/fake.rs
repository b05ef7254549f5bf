//! A model that remembers texts in its blocks, so that a block in wrong hands changes what it says.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{
    api::EngineError,
    compute::BLOCK_TOKENS,
    models::{CausalModel, Output, Piece, Wanted},
};

/// Tokens are bytes; 0 ends a text.
pub(super) const VOCABULARY: u32 = 128;
/// A text with this token in the piece panics.
pub(super) const PANICS: u32 = 120;
/// Fails.
pub(super) const FAILS: u32 = 121;
/// Fails unless it is read alone.
pub(super) const FAILS_IN_COMPANY: u32 = 122;
/// Computes numbers that are none.
pub(super) const COMPUTES_NONSENSE: u32 = 123;
/// Every other text ends sooner or later; one that begins with this token never does.
pub(super) const ENDLESS: u32 = 124;
/// Takes a moment for each step.
pub(super) const SLOW: u32 = 125;

/// What one piece of a step was: its position, its tokens, and the text's first token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) position: usize,
    pub(super) tokens: usize,
    pub(super) name: u32,
}

/// All steps so far.
pub(super) type Steps = Arc<Mutex<Vec<Vec<Read>>>>;

pub(super) struct Fake {
    /// Of each token that was read itself and a hash of all up to it: like keys and values, it is of use only behind the same
    /// text.
    memory: Vec<[Option<(u32, u64)>; BLOCK_TOKENS]>,
    pub(super) steps: Steps,
}

impl Fake {
    pub(super) fn new(blocks: usize) -> Self {
        Self { memory: vec![[None; BLOCK_TOKENS]; blocks], steps: Steps::default() }
    }

    fn slot(&mut self, piece: &Piece<'_>, position: usize) -> &mut Option<(u32, u64)> {
        &mut self.memory[piece.blocks[position / BLOCK_TOKENS].0 as usize][position % BLOCK_TOKENS]
    }
}

impl CausalModel for Fake {
    fn blocks(&self) -> usize {
        self.memory.len()
    }

    fn forward(&mut self, pieces: &[Piece<'_>]) -> Result<Vec<Vec<Output>>, EngineError> {
        // What stands before a piece must have been there before the step.
        let texts: Vec<Vec<u32>> = pieces
            .iter()
            .map(|piece| {
                let mut hash = EMPTY;
                let before = (0..piece.position).map(|at| {
                    let (token, of_text) = self.slot(piece, at).expect("it was read before");
                    hash = extended(hash, token);
                    assert_eq!(of_text, hash, "it was read behind another text");
                    token
                });
                let before: Vec<u32> = before.collect();
                [&before, piece.tokens].concat()
            })
            .collect();
        for (piece, text) in pieces.iter().zip(&texts) {
            let mut hash = EMPTY;
            for (at, token) in text.iter().enumerate() {
                hash = extended(hash, *token);
                if at >= piece.position {
                    *self.slot(piece, at) = Some((*token, hash));
                }
            }
        }
        let read = pieces.iter().zip(&texts).map(|(piece, text)| Read {
            position: piece.position,
            tokens: piece.tokens.len(),
            name: text[0],
        });
        self.steps.lock().push(read.collect());
        for piece in pieces {
            assert!(!piece.tokens.contains(&PANICS), "as asked");
            if piece.tokens.contains(&FAILS) || (pieces.len() > 1 && piece.tokens.contains(&FAILS_IN_COMPANY)) {
                return Err(EngineError::Internal("as asked".into()));
            }
        }
        if texts.iter().any(|text| text[0] == SLOW) {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let outputs = pieces.iter().zip(&texts).map(|(piece, text)| {
            let wanted = match piece.wanted {
                Wanted::Nothing => text.len()..text.len(),
                Wanted::Last => text.len() - 1..text.len(),
                Wanted::Each => piece.position..text.len(),
            };
            wanted.map(|at| output(&text[..=at])).collect()
        });
        Ok(outputs.collect())
    }
}

/// The hash of no text.
const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

fn extended(hash: u64, token: u32) -> u64 {
    (hash ^ u64::from(token)).wrapping_mul(0x0100_0000_01b3).rotate_left(29)
}

/// Numbers that depend on every token of the text.
fn output(text: &[u32]) -> Output {
    let mut hash = text.iter().fold(EMPTY, |hash, token| extended(hash, *token));
    let mut next = || {
        hash = hash.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (hash >> 40) as f32 / (1 << 20) as f32
    };
    let mut logits: Vec<f32> = (0..VOCABULARY).map(|_| next()).collect();
    if text[0] == ENDLESS {
        logits[0] = f32::NEG_INFINITY;
    }
    // What misbehaves is said by nobody.
    for token in PANICS..VOCABULARY {
        logits[token as usize] = f32::NEG_INFINITY;
    }
    if text.last() == Some(&COMPUTES_NONSENSE) {
        logits[1] = f32::NAN;
    }
    Output { logits, hidden: (0..4).map(|_| next()).collect() }
}
