//! The pieces of a step as rows of one matrix.

use std::collections::HashSet;

use crate::{
    compute::{Span, BLOCK_TOKENS},
    models::{Output, Piece, Wanted},
};

/// What a step computes, checked: nothing in it reaches beyond the vocabulary or the memory.
pub(crate) struct Step<'a> {
    /// Of all pieces, one after another.
    pub(crate) tokens: Vec<u32>,
    /// Of each token in its own text.
    pub(crate) positions: Vec<u32>,
    pub(crate) spans: Vec<Span<'a>>,
    /// Rows of the tokens whose results are wanted, ascending.
    pub(crate) wanted: Vec<usize>,
    /// How many rows each piece wants.
    wanted_counts: Vec<usize>,
}

impl<'a> Step<'a> {
    /// Lines `pieces` up. Refuses tokens beyond `vocabulary`, blocks beyond `blocks`, and blocks that two pieces write.
    pub(crate) fn new(pieces: &[Piece<'a>], vocabulary: usize, blocks: usize) -> Result<Self, String> {
        let mut step = Self {
            tokens: Vec::new(),
            positions: Vec::new(),
            spans: Vec::with_capacity(pieces.len()),
            wanted: Vec::new(),
            wanted_counts: Vec::with_capacity(pieces.len()),
        };
        let mut written = HashSet::new();
        for piece in pieces {
            let end = check(piece, vocabulary, blocks)?;
            let touched = piece.blocks.iter().take(end.div_ceil(BLOCK_TOKENS)).skip(piece.position / BLOCK_TOKENS);
            if touched.copied().any(|block| !written.insert(block)) {
                return Err("a block would be written twice".into());
            }
            let first_row = step.tokens.len();
            step.tokens.extend_from_slice(piece.tokens);
            step.positions.extend((piece.position..end).map(|position| position as u32));
            step.spans.push(piece.span());
            let rows = first_row..step.tokens.len();
            let wanted = match piece.wanted {
                Wanted::Nothing => rows.end..rows.end,
                Wanted::Last => rows.end - 1..rows.end,
                Wanted::Each => rows,
            };
            step.wanted_counts.push(wanted.len());
            step.wanted.extend(wanted);
        }
        Ok(step)
    }

    /// Gives each piece its outputs; none if there are not as many as wanted.
    pub(crate) fn distribute(&self, outputs: Vec<Output>) -> Option<Vec<Vec<Output>>> {
        if outputs.len() != self.wanted.len() {
            return None;
        }
        let mut outputs = outputs.into_iter();
        Some(self.wanted_counts.iter().map(|count| outputs.by_ref().take(*count).collect()).collect())
    }
}

/// Returns the position after the piece's last token.
fn check(piece: &Piece<'_>, vocabulary: usize, blocks: usize) -> Result<usize, String> {
    if piece.tokens.is_empty() {
        return Err("a piece without tokens".into());
    }
    if let Some(token) = piece.tokens.iter().find(|token| **token as usize >= vocabulary) {
        return Err(format!("token {token} of a vocabulary of {vocabulary}"));
    }
    if let Some(block) = piece.blocks.iter().find(|block| block.0 as usize >= blocks) {
        return Err(format!("block {} of {blocks}", block.0));
    }
    let end = piece.position.checked_add(piece.tokens.len()).filter(|end| u32::try_from(*end).is_ok());
    match end {
        Some(end) if end.div_ceil(BLOCK_TOKENS) <= piece.blocks.len() => Ok(end),
        _ => Err(format!("too few blocks for {} tokens at position {}", piece.tokens.len(), piece.position)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::BlockId;

    const BLOCKS: [BlockId; 2] = [BlockId(3), BlockId(1)];

    fn piece<'a>(tokens: &'a [u32], position: usize, blocks: &'a [BlockId], wanted: Wanted) -> Piece<'a> {
        Piece { tokens, position, blocks, wanted }
    }

    fn refusal(pieces: &[Piece<'_>]) -> String {
        Step::new(pieces, 10, 4).err().expect("refused")
    }

    #[test]
    fn pieces_become_rows() {
        let pieces = [
            piece(&[1, 2, 3], 16, &BLOCKS, Wanted::Last),
            piece(&[4], 0, &[BlockId(0)], Wanted::Nothing),
            piece(&[5, 6], 3, &[BlockId(2)], Wanted::Each),
        ];
        let step = Step::new(&pieces, 10, 4).unwrap();
        assert_eq!(step.tokens, [1, 2, 3, 4, 5, 6]);
        assert_eq!(step.positions, [16, 17, 18, 0, 3, 4]);
        assert_eq!(step.wanted, [2, 4, 5]);
        let outputs: Vec<_> = (0..3).map(|n| Output { logits: vec![n as f32], hidden: Vec::new() }).collect();
        let given = step.distribute(outputs.clone()).unwrap();
        assert_eq!(given, [outputs[..1].to_vec(), Vec::new(), outputs[1..].to_vec()]);
        assert!(step.distribute(outputs[..2].to_vec()).is_none());
    }

    #[test]
    fn senseless_pieces_are_refused() {
        assert!(refusal(&[piece(&[], 0, &BLOCKS, Wanted::Last)]).contains("without tokens"));
        assert!(refusal(&[piece(&[10], 0, &BLOCKS, Wanted::Last)]).contains("token 10"));
        assert!(refusal(&[piece(&[1], 0, &[BlockId(4)], Wanted::Last)]).contains("block 4"));
        assert!(refusal(&[piece(&[1], 32, &BLOCKS, Wanted::Last)]).contains("too few blocks"));
        assert!(refusal(&[piece(&[1], usize::MAX, &BLOCKS, Wanted::Last)]).contains("too few blocks"));
    }

    #[test]
    fn a_block_is_written_by_one_piece_and_read_by_many() {
        let shared = [BlockId(0), BlockId(1)];
        let other = [BlockId(0), BlockId(2)];
        let after = [piece(&[1], 16, &shared, Wanted::Last), piece(&[1], 20, &other, Wanted::Last)];
        assert!(Step::new(&after, 10, 4).is_ok());
        let within = [piece(&[1], 15, &shared, Wanted::Last), piece(&[1], 15, &other, Wanted::Last)];
        assert!(refusal(&within).contains("twice"));
    }
}
