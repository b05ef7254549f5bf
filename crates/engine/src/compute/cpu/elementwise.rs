//! Operations on numbers and rows by themselves.
//!
//! Sums within a row run in sixteen lanes, numbers to lanes by their places, and end in one order, whatever registers
//! the compiler uses.

use super::{math::sum_lanes, pool::Pool};

/// Numbers that one thread computes sooner than it shares them.
const NUMBERS_ALONE: usize = 16 * 1024;
const CHUNKS_PER_THREAD: usize = 4;

/// Calls `work` with parts of whole rows of `width` numbers and the number of the first, on whichever threads.
pub(super) fn by_rows(pool: &Pool, numbers: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if numbers.len() < NUMBERS_ALONE || width == 0 {
        work(0, numbers);
        return;
    }
    let rows = numbers.len() / width;
    let rows_each = rows.div_ceil(pool.threads() * CHUNKS_PER_THREAD).max(1);
    let parts = numbers.chunks_mut(rows_each * width).enumerate();
    pool.each(parts, |(part, numbers)| work(part * rows_each, numbers));
}

/// Calls `work` with each number of `x` and the number of `y` at its place, which takes the place of the first.
pub(super) fn zip_with(pool: &Pool, x: &mut [f32], y: &[f32], work: impl Fn(f32, f32) -> f32 + Sync) {
    by_rows(pool, x, 1, |first, x| x.iter_mut().zip(&y[first..]).for_each(|(x, y)| *x = work(*x, *y)));
}

/// Normalises a run of numbers by their root mean square, times `weight`.
pub(super) fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, result: &mut [f32]) {
    let mean = sum_of(x, |number| number, |number, sum| number.mul_add(number, sum)) / x.len() as f32;
    let factor = 1.0 / (mean + epsilon).sqrt();
    for ((result, number), weight) in result.iter_mut().zip(x).zip(weight) {
        *result = number * factor * weight;
    }
}

/// Normalises a row by mean and variance, times `weight`, plus `bias`.
pub(super) fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32, result: &mut [f32]) {
    let mean = sum_of(x, |number| number, |number, sum| sum + number) / x.len() as f32;
    let variance = sum_of(x, |number| number - mean, |number, sum| number.mul_add(number, sum)) / x.len() as f32;
    let factor = 1.0 / (variance + epsilon).sqrt();
    for (((result, number), weight), bias) in result.iter_mut().zip(x).zip(weight).zip(bias) {
        *result = ((number - mean) * factor).mul_add(*weight, *bias);
    }
}

/// Sums in sixteen lanes.
#[inline(always)]
fn sum_of(x: &[f32], of: impl Fn(f32) -> f32, add: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0f32; 16];
    let sixteens = x.chunks_exact(16);
    let rest = sixteens.remainder();
    for sixteen in sixteens {
        for lane in 0..16 {
            lanes[lane] = add(of(sixteen[lane]), lanes[lane]);
        }
    }
    for (lane, number) in lanes.iter_mut().zip(rest) {
        *lane = add(of(*number), *lane);
    }
    sum_lanes(lanes)
}
