//! Matrices of weights, laid out for the kernels.
//!
//! Rows lie in groups of sixteen, lane by lane, and a group's quants, scales and mins lie behind each other, so that a
//! kernel reads memory from one end to the other. Quants keep the bits that the file has, those of five and six bits
//! take eight.

use super::{aligned::Aligned, lanes::GROUP, pool::Pool};
use crate::weights::{plain, Decoded, Quantisation, Stored, StoredType};

/// Inputs that share a scale of activations.
pub(super) const BLOCK: usize = 32;
/// Bytes of a group's quants of a block, one for each.
const BLOCK_BYTES: usize = BLOCK * GROUP;
/// Blocks to a scale that integers refine.
pub(super) const FINE_BLOCKS: usize = 8;
/// Bytes that groups are multiples of.
const LINE: usize = 64;

/// A matrix (outputs, inputs).
pub(crate) struct Packed {
    pub(super) dtype: StoredType,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) layout: GroupLayout,
    bytes: Aligned<u8>,
}

/// Where the parts of a group of rows lie, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupLayout {
    /// Halves, sixteen for each file's block. Quants, or plain numbers, begin at 0.
    pub(super) scales: usize,
    /// The same.
    pub(super) mins: usize,
    /// Integers, sixteen for each scale.
    pub(super) fine_scales: usize,
    /// Integers, sixteen for each 32 inputs.
    pub(super) fine_mins: usize,
    /// From a group to the next.
    pub(super) stride: usize,
}

impl GroupLayout {
    /// None if no memory is that large.
    fn of(dtype: StoredType, columns: usize) -> Option<Self> {
        let Some(form) = Quantisation::of(dtype) else {
            let stride = columns.checked_mul(GROUP * dtype.block_bytes())?.checked_next_multiple_of(LINE)?;
            return Some(Self { scales: stride, mins: stride, fine_scales: stride, fine_mins: stride, stride });
        };
        let sixteens = |count: usize, bytes: usize| count.checked_mul(GROUP * bytes);
        let (file_blocks, blocks) = (columns / form.block_len, columns / BLOCK);
        let quant_bytes = if form.bits == 4 { BLOCK_BYTES / 2 } else { BLOCK_BYTES };
        let scales = blocks.checked_mul(quant_bytes)?;
        let mins = scales.checked_add(sixteens(file_blocks, 2)?)?;
        let fine_scales = mins.checked_add(if form.has_mins { sixteens(file_blocks, 2)? } else { 0 })?;
        let fine = |count: usize| if form.is_fine() { sixteens(count, 1) } else { Some(0) };
        let fine_mins = fine_scales.checked_add(fine(columns / form.scale_len)?)?;
        let end = fine_mins.checked_add(if form.has_mins { fine(blocks)? } else { 0 })?;
        Some(Self { scales, mins, fine_scales, fine_mins, stride: end.checked_next_multiple_of(LINE)? })
    }
}

impl Packed {
    /// Lays `stored` out. The reason says what is wrong with it.
    pub(super) fn new(stored: Stored<'_>, pool: &Pool) -> Result<Self, String> {
        let Stored { dtype, rows, columns, bytes, .. } = stored;
        if rows == 0 || columns == 0 || columns % dtype.block_len() != 0 {
            return Err(format!("{rows} rows of {columns} numbers cannot be a matrix of type {}", dtype.name()));
        }
        let row_bytes = (columns / dtype.block_len()).checked_mul(dtype.block_bytes());
        let (Some(row_bytes), Some(layout)) = (row_bytes, GroupLayout::of(dtype, columns)) else {
            return Err(format!("rows of {columns} numbers are too long"));
        };
        if row_bytes.checked_mul(rows) != Some(bytes.len()) {
            return Err(format!("{} bytes are not {rows} rows of {columns} numbers of {}", bytes.len(), dtype.name()));
        }
        let total = rows.div_ceil(GROUP).checked_mul(layout.stride);
        let memory = total.and_then(Aligned::zeroed).map(Aligned::in_large_pages);
        let Some(mut packed) = memory else {
            return Err(format!("no memory for {rows} rows of {columns} numbers"));
        };
        let groups = packed.chunks_exact_mut(layout.stride).zip(bytes.chunks(row_bytes.saturating_mul(GROUP)));
        pool.each(groups, |(group, file_rows)| match Quantisation::of(dtype) {
            Some(form) => pack_quantised(dtype, &form, &layout, file_rows, row_bytes, group),
            None => pack_plain(dtype.block_bytes(), file_rows, row_bytes, group),
        });
        Ok(Self { dtype, rows, columns, layout, bytes: packed })
    }

    pub(super) fn groups(&self) -> usize {
        self.rows.div_ceil(GROUP)
    }

    /// Bytes of a group of rows.
    pub(super) fn group(&self, index: usize) -> &[u8] {
        &self.bytes[index * self.layout.stride..][..self.layout.stride]
    }

    /// Writes the numbers of a row, which there is, to `numbers`, as many as there are columns.
    pub(super) fn read_row(&self, row: usize, numbers: &mut [f32]) {
        let (group, lane) = (self.group(row / GROUP), row % GROUP);
        match Quantisation::of(self.dtype) {
            Some(form) => self.read_quantised(&form, group, lane, numbers),
            None => {
                let size = self.dtype.block_bytes();
                let bytes = group.chunks_exact(size).skip(lane).step_by(GROUP);
                numbers.iter_mut().zip(bytes).for_each(|(number, bytes)| *number = plain(self.dtype, bytes));
            }
        }
    }

    fn read_quantised(&self, form: &Quantisation, group: &[u8], lane: usize, numbers: &mut [f32]) {
        let half = |at: usize, index: usize| {
            let at = at + (index * GROUP + lane) * 2;
            u16::from_le_bytes([group[at], group[at + 1]])
        };
        let mut decoded = Decoded::default();
        for (file_block, numbers) in numbers.chunks_exact_mut(form.block_len).enumerate() {
            decoded.scale = half(self.layout.scales, file_block);
            if form.has_mins {
                decoded.min = half(self.layout.mins, file_block);
            }
            if form.is_fine() {
                let per_block = form.block_len / form.scale_len;
                for (index, scale) in decoded.scales[..per_block].iter_mut().enumerate() {
                    let at = (file_block * per_block + index) * GROUP + lane;
                    *scale = group[self.layout.fine_scales + at] as i8;
                }
                for (index, min) in decoded.mins.iter_mut().enumerate().filter(|_| form.has_mins) {
                    *min = group[self.layout.fine_mins + (file_block * FINE_BLOCKS + index) * GROUP + lane] as i8;
                }
            }
            for (index, number) in numbers.iter_mut().enumerate() {
                let column = file_block * form.block_len + index;
                decoded.quants[index] = quant_at(form, group, column, lane);
                *number = decoded.value(form, index);
            }
        }
    }
}

/// Place of an input's quant among those of a block's group, of which each takes a byte: `[8][16 rows][4]`.
fn place(input: usize, lane: usize) -> usize {
    (input / 4 * GROUP + lane) * 4 + input % 4
}

fn quant_at(form: &Quantisation, group: &[u8], column: usize, lane: usize) -> u8 {
    let (block, place) = (column / BLOCK, place(column % BLOCK, lane));
    if form.bits != 4 {
        return group[block * BLOCK_BYTES + place];
    }
    let both = group[block * BLOCK_BYTES / 2 + place % (BLOCK_BYTES / 2)];
    if place < BLOCK_BYTES / 2 {
        both & 15
    } else {
        both >> 4
    }
}

/// Packs up to sixteen rows.
fn pack_quantised(
    dtype: StoredType,
    form: &Quantisation,
    layout: &GroupLayout,
    file_rows: &[u8],
    row_bytes: usize,
    group: &mut [u8],
) {
    let mut decoded = Decoded::default();
    let mut spread = [0u8; FINE_BLOCKS * BLOCK_BYTES];
    let file_block_bytes = dtype.block_bytes();
    for file_block in 0..row_bytes / file_block_bytes {
        for (lane, row) in file_rows.chunks_exact(row_bytes).enumerate() {
            decoded.read(dtype, &row[file_block * file_block_bytes..][..file_block_bytes]);
            for (block, quants) in decoded.quants[..form.block_len].chunks_exact(BLOCK).enumerate() {
                for (run, four) in quants.chunks_exact(4).enumerate() {
                    spread[block * BLOCK_BYTES + (run * GROUP + lane) * 4..][..4].copy_from_slice(four);
                }
            }
            put_scales(form, layout, file_block, lane, &decoded, group);
        }
        for (block, spread) in spread.chunks_exact(BLOCK_BYTES).take(form.block_len / BLOCK).enumerate() {
            let block = file_block * (form.block_len / BLOCK) + block;
            if form.bits == 4 {
                let (low, high) = spread.split_at(BLOCK_BYTES / 2);
                let both = group[block * BLOCK_BYTES / 2..].iter_mut();
                both.zip(low.iter().zip(high)).for_each(|(both, (low, high))| *both = low | high << 4);
            } else {
                group[block * BLOCK_BYTES..][..BLOCK_BYTES].copy_from_slice(spread);
            }
        }
    }
}

fn put_scales(
    form: &Quantisation,
    layout: &GroupLayout,
    file_block: usize,
    lane: usize,
    decoded: &Decoded,
    group: &mut [u8],
) {
    let at = (file_block * GROUP + lane) * 2;
    group[layout.scales + at..][..2].copy_from_slice(&decoded.scale.to_le_bytes());
    if form.has_mins {
        group[layout.mins + at..][..2].copy_from_slice(&decoded.min.to_le_bytes());
    }
    if form.is_fine() {
        let per_block = form.block_len / form.scale_len;
        for (index, scale) in decoded.scales[..per_block].iter().enumerate() {
            group[layout.fine_scales + (file_block * per_block + index) * GROUP + lane] = *scale as u8;
        }
        for (index, min) in decoded.mins.iter().enumerate().filter(|_| form.has_mins) {
            group[layout.fine_mins + (file_block * FINE_BLOCKS + index) * GROUP + lane] = *min as u8;
        }
    }
}

/// Packs up to sixteen rows of plain numbers of `size` bytes: lane by lane, column by column.
fn pack_plain(size: usize, file_rows: &[u8], row_bytes: usize, group: &mut [u8]) {
    for (lane, row) in file_rows.chunks_exact(row_bytes).enumerate() {
        for (number, packed) in row.chunks_exact(size).zip(group.chunks_exact_mut(size * GROUP)) {
            packed[lane * size..][..size].copy_from_slice(number);
        }
    }
}
