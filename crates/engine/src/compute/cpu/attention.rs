//! Attention, shared among threads.
#![expect(unsafe_code, reason = "threads write results of their own heads into one matrix")]

use std::cell::RefCell;

use super::{
    activations::TILE,
    attention_kernel::{attend_to_halves, attend_to_singles, Queries, Scratch},
    kv::{padded, put_token, Head, Kv},
    lanes::Isa,
    pool::Pool,
    rows::Rows,
    scatter::Scatter,
};
use crate::compute::{BlockId, Span, BLOCK_TOKENS};

/// Products that one thread computes sooner than it shares them.
const PRODUCTS_ALONE: usize = 32 * 1024;

/// What a thread computes attention in.
#[derive(Default)]
struct Desk {
    queries: Vec<f32>,
    /// Keys and values of a head of a text that is kept nowhere else.
    head: Vec<f32>,
    scratch: Scratch,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}

/// Neighbouring tokens of a piece, and a head of keys and values.
#[derive(Clone, Copy)]
struct Task {
    span: usize,
    /// Row of the first token.
    row: usize,
    /// Keys that it sees.
    seen: usize,
    tokens: usize,
    kv_head: usize,
}

/// How rows are cut into heads.
#[derive(Clone, Copy)]
struct Heads {
    head_len: usize,
    /// Heads of queries for each head of keys.
    group: usize,
}

/// Attends causally to what is kept in `kv`, for checked operands; `results` are as many rows as `queries`.
pub(super) fn attend(
    isa: Isa,
    pool: &Pool,
    kv: &Kv,
    layer: usize,
    queries: &Rows,
    spans: &[Span<'_>],
    results: &mut [f32],
) {
    let shape = kv.shape;
    let heads = Heads { head_len: shape.head_len, group: queries.width / (shape.head_len * shape.kv_heads) };
    let tasks = tasks(spans, heads.group, shape.kv_heads);
    let numbers = kv.layer(layer);
    let results = Scatter::new(results);
    let run = |index: usize| {
        let task = tasks[index];
        let head = Head {
            numbers,
            blocks: spans[task.span].blocks,
            kv_heads: shape.kv_heads,
            kv_head: task.kv_head,
            head_len: shape.head_len,
        };
        DESK.with_borrow_mut(|desk| {
            heads.gather(queries, task.row, task.tokens, task.kv_head, &mut desk.queries);
            let Heads { group, .. } = heads;
            let asked = Queries { numbers: &desk.queries, tokens: task.tokens, group, seen: task.seen, further: 1 };
            attend_to_halves(isa, &asked, &head, &mut desk.scratch);
            // SAFETY: each task has tokens or a head of its own, and is run once.
            unsafe { heads.put(&desk.scratch, queries.width, task.row, task.tokens, task.kv_head, &results) };
        });
    };
    share(pool, tasks.len(), products(&tasks, heads), &run);
}

/// Cuts pieces into tasks; those with the most keys come first, so that threads end together.
fn tasks(spans: &[Span<'_>], group: usize, kv_heads: usize) -> Vec<Task> {
    let tokens_at_once = (TILE / group.max(1)).max(1);
    let mut tasks = Vec::new();
    let mut row = 0;
    for (span, Span { position, length, .. }) in spans.iter().enumerate() {
        for first in (0..*length).step_by(tokens_at_once) {
            let tokens = tokens_at_once.min(length - first);
            let seen = position + first + 1;
            tasks.extend((0..kv_heads).map(|kv_head| Task { span, row: row + first, seen, tokens, kv_head }));
        }
        row += length;
    }
    tasks.sort_by_key(|task| std::cmp::Reverse(task.seen));
    tasks
}

fn products(tasks: &[Task], heads: Heads) -> usize {
    let each = tasks.iter().map(|task| task.seen.saturating_mul(task.tokens * heads.group * heads.head_len));
    each.fold(0, usize::saturating_add)
}

fn share(pool: &Pool, tasks: usize, products: usize, run: &(dyn Fn(usize) + Sync)) {
    if products < PRODUCTS_ALONE {
        (0..tasks).for_each(run);
    } else {
        pool.run(tasks, run);
    }
}

impl Heads {
    /// Queries of `tokens` rows from `row` on, of the heads that share a head of keys: `[head_len][tokens * group]`,
    /// scaled.
    fn gather(self, queries: &Rows, row: usize, tokens: usize, kv_head: usize, gathered: &mut Vec<f32>) {
        let scale = 1.0 / (self.head_len as f32).sqrt();
        let count = tokens * self.group;
        gathered.clear();
        gathered.resize(self.head_len * count, 0.0);
        for token in 0..tokens {
            let heads = &queries.row(row + token)[kv_head * self.group * self.head_len..];
            for (index, head) in heads.chunks_exact(self.head_len).take(self.group).enumerate() {
                let places = gathered.iter_mut().skip(token * self.group + index).step_by(count);
                places.zip(head).for_each(|(place, number)| *place = number * scale);
            }
        }
    }

    /// Writes results of what [`Self::gather`] gathered to their places in rows of `width` numbers.
    ///
    /// # Safety
    /// No other thread writes these heads of these rows.
    unsafe fn put(
        self,
        scratch: &Scratch,
        width: usize,
        row: usize,
        tokens: usize,
        kv_head: usize,
        results: &Scatter<'_>,
    ) {
        for token in 0..tokens {
            for index in 0..self.group {
                let result = scratch.result(token * self.group + index, self.head_len);
                let at = (row + token) * width + (kv_head * self.group + index) * self.head_len;
                // SAFETY: the caller's promise.
                unsafe { results.put(at, result) };
            }
        }
    }
}

/// Attends each token to all of its text, for checked operands; `results` are as many rows as `queries`.
pub(super) fn attend_whole(
    isa: Isa,
    pool: &Pool,
    [queries, keys, values]: [&Rows; 3],
    heads: usize,
    lengths: &[usize],
    results: &mut [f32],
) {
    let cut = Heads { head_len: queries.width / heads, group: 1 };
    let most_blocks = lengths.iter().max().map_or(0, |length| length.div_ceil(BLOCK_TOKENS));
    let blocks: Vec<BlockId> = (0..).map(BlockId).take(most_blocks).collect();
    let mut texts = Vec::with_capacity(lengths.len());
    let mut row = 0;
    for length in lengths {
        texts.push((row, *length));
        row += length;
    }
    let results = Scatter::new(results);
    let run = |index: usize| {
        let ((first, length), number) = (texts[index / heads], index % heads);
        DESK.with_borrow_mut(|desk| {
            keep([keys, values], first, length, number, cut.head_len, &mut desk.head);
            let head = Head { numbers: &desk.head, blocks: &blocks, kv_heads: 1, kv_head: 0, head_len: cut.head_len };
            for start in (0..length).step_by(TILE) {
                let (row, tokens) = (first + start, TILE.min(length - start));
                cut.gather(queries, row, tokens, number, &mut desk.queries);
                let asked = Queries { numbers: &desk.queries, tokens, group: 1, seen: length, further: 0 };
                attend_to_singles(isa, &asked, &head, &mut desk.scratch);
                // SAFETY: each index is a text's head of its own, and is run once.
                unsafe { cut.put(&desk.scratch, queries.width, row, tokens, number, &results) };
            }
        });
    };
    let products = lengths.iter().map(|length| length.saturating_mul(*length)).fold(0, usize::saturating_add);
    share(pool, texts.len() * heads, products.saturating_mul(queries.width), &run);
}

/// Lays out keys and values of a head of a text as blocks do.
fn keep([keys, values]: [&Rows; 2], first: usize, length: usize, number: usize, head_len: usize, kept: &mut Vec<f32>) {
    let block_numbers = (head_len + padded(head_len)) * BLOCK_TOKENS;
    let needed = length.div_ceil(BLOCK_TOKENS) * block_numbers;
    if kept.len() < needed {
        kept.resize(needed, 0.0);
    }
    for token in 0..length {
        let block = &mut kept[token / BLOCK_TOKENS * block_numbers..][..block_numbers];
        let (kept_keys, kept_values) = block.split_at_mut(head_len * BLOCK_TOKENS);
        let key = &keys.row(first + token)[number * head_len..][..head_len];
        let value = &values.row(first + token)[number * head_len..][..head_len];
        put_token(kept_keys, kept_values, token % BLOCK_TOKENS, key, value, |number| number);
    }
}
