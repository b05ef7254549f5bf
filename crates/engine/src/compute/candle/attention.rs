//! Attention by matrix products and softmax, over keys and values that lie in blocks.

use candle_core::{DType, Device, Result, Tensor, D};

use crate::compute::{BlockId, KvShape, Span, BLOCK_TOKENS};

/// Scores that are computed at once, at most, where one row of queries does not take more alone: 256 MiB of them.
const MAX_SCORES: usize = 1 << 26;
/// Keys that are gathered at once, at most, where one text does not have more alone.
const MAX_GATHERED_TOKENS: usize = 1 << 16;
/// Texts shorter than this are attended to together whatever their lengths.
const SHORT_CONTEXT: usize = 256;

/// Keys and values of all layers: two matrices (blocks * [`BLOCK_TOKENS`], numbers of all heads) per layer.
pub(crate) struct KvTensors {
    shape: KvShape,
    keys: Vec<Tensor>,
    values: Vec<Tensor>,
    /// Of the step under way, which all layers share.
    plan: Option<Plan>,
}

/// Where the rows of a step lie in memory.
struct Plan {
    spans: Vec<OwnedSpan>,
    /// Heads of queries.
    heads: usize,
    /// The place of each token, once for each number of its key: (tokens, numbers).
    places: Tensor,
    groups: Vec<Group>,
    /// Row of the groups' results, in their order, that each row of the step finds its own in.
    order: Tensor,
}

#[derive(Clone, PartialEq)]
struct OwnedSpan {
    position: usize,
    length: usize,
    blocks: Vec<BlockId>,
}

/// Pieces of the same length that are computed together; their contexts are padded to the longest.
struct Group {
    /// (pieces * length) rows of the step.
    rows: Tensor,
    pieces: usize,
    length: usize,
    context: usize,
    /// (pieces * context) places of keys.
    gathered: Tensor,
    /// (pieces, 1, length, context): 0 where a token attends, minus infinity elsewhere. None: it attends everywhere.
    mask: Option<Tensor>,
}

/// Some tokens of a span whose queries are computed together.
struct QueryPiece<'a> {
    first_row: usize,
    position: usize,
    length: usize,
    blocks: &'a [BlockId],
}

impl QueryPiece<'_> {
    fn context(&self) -> usize {
        self.position + self.length
    }
}

impl KvTensors {
    pub(super) const DTYPE: DType = DType::F16;

    pub(super) fn new(shape: KvShape, blocks: usize, device: &Device) -> Result<Self> {
        if u32::try_from(blocks.saturating_mul(BLOCK_TOKENS)).is_err() {
            candle_core::bail!("{blocks} blocks are more than can be numbered");
        }
        let size = (blocks * BLOCK_TOKENS, shape.kv_heads * shape.head_len);
        let memory = || (0..shape.layers).map(|_| Tensor::zeros(size, Self::DTYPE, device)).collect::<Result<_>>();
        Ok(Self { shape, keys: memory()?, values: memory()?, plan: None })
    }

    pub(super) fn attend(
        &mut self,
        layer: usize,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
        spans: &[Span<'_>],
    ) -> Result<Tensor> {
        let KvShape { kv_heads, head_len, .. } = self.shape;
        let heads = queries.dim(1)? / head_len;
        if !self.plan.as_ref().is_some_and(|plan| plan.is_for(spans, heads)) {
            self.plan = Some(Plan::new(spans, heads, kv_heads * head_len, queries.device())?);
        }
        let (Some(plan), Some(kept_keys), Some(kept_values)) =
            (&self.plan, self.keys.get(layer), self.values.get(layer))
        else {
            candle_core::bail!("there is no layer {layer}");
        };
        for (kept, new) in [(kept_keys, keys), (kept_values, values)] {
            kept.scatter_set(&plan.places, &new.to_dtype(Self::DTYPE)?, 0)?;
        }
        let attended: Vec<Tensor> = plan
            .groups
            .iter()
            .map(|group| {
                let heads_of = |memory: &Tensor| {
                    let gathered = memory.index_select(&group.gathered, 0)?.to_dtype(DType::F32)?;
                    gathered.reshape((group.pieces, group.context, kv_heads, head_len))?.transpose(1, 2)?.contiguous()
                };
                let queries = queries.index_select(&group.rows, 0)?;
                let queries = queries.reshape((group.pieces, group.length, heads, head_len))?;
                attend(&queries, &heads_of(kept_keys)?, &heads_of(kept_values)?, group.mask.as_ref())
            })
            .collect::<Result<_>>()?;
        Tensor::cat(&attended, 0)?.index_select(&plan.order, 0)
    }
}

/// Attention of each token to all of its own text, without memory; see [`crate::compute::Compute::attend_whole`].
pub(super) fn attend_whole(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    heads: usize,
    lengths: &[usize],
) -> Result<Tensor> {
    let mut row = 0;
    let attended: Vec<Tensor> = lengths
        .chunk_by(|a, b| a == b)
        .map(|texts| {
            let length = texts.first().copied().unwrap_or(0);
            let rows = length * texts.len();
            let take = |x: &Tensor| x.narrow(0, row, rows)?.contiguous()?.reshape((texts.len(), length, heads, ()));
            let (queries, keys, values) = (take(queries)?, take(keys)?, take(values)?);
            row += rows;
            let by_head = |x: Tensor| x.transpose(1, 2)?.contiguous();
            attend(&queries, &by_head(keys)?, &by_head(values)?, None)
        })
        .collect::<Result<_>>()?;
    Tensor::cat(&attended, 0)
}

/// `queries` (texts, length, heads, numbers), `keys` and `values` (texts, kv_heads, context, numbers), `mask` (texts, 1,
/// length, context). Returns (texts * length, heads * numbers).
fn attend(queries: &Tensor, keys: &Tensor, values: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    let (texts, length, heads, head_len) = queries.dims4()?;
    let (_, kv_heads, context, _) = keys.dims4()?;
    // Heads that share keys become rows beside each other.
    let shared = (texts, kv_heads, heads / kv_heads * length, head_len);
    let queries = (queries.transpose(1, 2)?.contiguous()? * (1.0 / (head_len as f64).sqrt()))?.reshape(shared)?;
    let scores = queries.matmul(&keys.transpose(D::Minus1, D::Minus2)?)?;
    let scores = scores.reshape((texts, heads, length, context))?;
    let scores = match mask {
        Some(mask) => scores.broadcast_add(mask)?,
        None => scores,
    };
    let weights = candle_nn::ops::softmax_last_dim(&scores)?;
    let weights = weights.reshape((texts, kv_heads, heads / kv_heads * length, context))?;
    let attended = weights.matmul(values)?.reshape((texts, heads, length, head_len))?;
    attended.transpose(1, 2)?.contiguous()?.reshape((texts * length, heads * head_len))
}

impl Plan {
    fn new(spans: &[Span<'_>], heads: usize, kv_width: usize, device: &Device) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut places = Vec::new();
        let mut first_row = 0;
        for span in spans {
            for position in span.position..span.position + span.length {
                places.extend(std::iter::repeat_n(place(span.blocks, position)?, kv_width));
            }
            let most = (MAX_SCORES / (heads * (span.position + span.length)).max(1)).max(1);
            for start in (0..span.length).step_by(most) {
                let length = most.min(span.length - start);
                let position = span.position + start;
                pieces.push(QueryPiece { first_row: first_row + start, position, length, blocks: span.blocks });
            }
            first_row += span.length;
        }
        pieces.sort_by_key(|piece| (piece.length, piece.context()));
        let groups: Vec<&[QueryPiece<'_>]> = grouped(&pieces, heads);
        let mut order = vec![0u32; first_row];
        let results = groups
            .iter()
            .flat_map(|group| group.iter())
            .flat_map(|piece| piece.first_row..piece.first_row + piece.length);
        for (result, row) in results.enumerate() {
            if let Some(slot) = order.get_mut(row) {
                *slot = result as u32;
            }
        }
        Ok(Self {
            spans: spans
                .iter()
                .map(|span| OwnedSpan { position: span.position, length: span.length, blocks: span.blocks.to_vec() })
                .collect(),
            heads,
            places: Tensor::from_vec(places, (first_row, kv_width), device)?,
            groups: groups.into_iter().map(|pieces| Group::new(pieces, device)).collect::<Result<_>>()?,
            order: Tensor::from_vec(order, first_row, device)?,
        })
    }

    fn is_for(&self, spans: &[Span<'_>], heads: usize) -> bool {
        let same = |(own, span): (&OwnedSpan, &Span<'_>)| {
            (own.position, own.length, own.blocks.as_slice()) == (span.position, span.length, span.blocks)
        };
        self.heads == heads && self.spans.len() == spans.len() && self.spans.iter().zip(spans).all(same)
    }
}

/// Splits pieces, which are ordered by length and context, so that little is spent on padding and memory is bounded.
fn grouped<'a, 'b>(pieces: &'b [QueryPiece<'a>], heads: usize) -> Vec<&'b [QueryPiece<'a>]> {
    let mut groups = Vec::new();
    let mut rest = pieces;
    while let Some(first) = rest.first() {
        let longest = (2 * first.context()).max(SHORT_CONTEXT);
        let fits = |(before, piece): (usize, &QueryPiece<'_>)| {
            let gathered = (before + 1).saturating_mul(piece.context());
            piece.length == first.length
                && piece.context() <= longest
                && gathered <= MAX_GATHERED_TOKENS
                && gathered.saturating_mul(heads * piece.length) <= MAX_SCORES
        };
        let count = rest.iter().enumerate().take_while(|(before, piece)| fits((*before, piece))).count().max(1);
        let (group, after) = rest.split_at(count);
        groups.push(group);
        rest = after;
    }
    groups
}

impl Group {
    /// Of pieces that have the same length; at least one.
    fn new(pieces: &[QueryPiece<'_>], device: &Device) -> Result<Self> {
        let length = pieces.first().map_or(0, |piece| piece.length);
        let context = pieces.iter().map(QueryPiece::context).max().unwrap_or(0);
        let mut rows = Vec::with_capacity(pieces.len() * length);
        let mut gathered = Vec::with_capacity(pieces.len() * context);
        let mut mask = Vec::with_capacity(pieces.len() * length * context);
        for piece in pieces {
            rows.extend((piece.first_row..piece.first_row + length).map(|row| row as u32));
            for position in 0..piece.context() {
                gathered.push(place(piece.blocks, position)?);
            }
            // Padding: read, but hidden by the mask. The piece's own first key is a number for certain.
            gathered.resize(gathered.len() + context - piece.context(), place(piece.blocks, 0)?);
            for position in piece.position..piece.context() {
                mask.extend((0..context).map(|key| if key <= position { 0f32 } else { f32::NEG_INFINITY }));
            }
        }
        let hides = mask.iter().any(|value| *value != 0.0);
        let mask = hides.then(|| Tensor::from_vec(mask, (pieces.len(), 1, length, context), device)).transpose()?;
        let rows = Tensor::from_vec(rows, pieces.len() * length, device)?;
        let gathered = Tensor::from_vec(gathered, pieces.len() * context, device)?;
        Ok(Self { rows, pieces: pieces.len(), length, context, gathered, mask })
    }
}

/// Row of the memory that holds `position`.
fn place(blocks: &[BlockId], position: usize) -> Result<u32> {
    match blocks.get(position / BLOCK_TOKENS) {
        Some(block) => Ok(block.0 * BLOCK_TOKENS as u32 + (position % BLOCK_TOKENS) as u32),
        None => candle_core::bail!("no block for position {position}"),
    }
}
