use super::*;
use crate::compute::{Compute, Rope, RopePairs};

/// Runs `operation` everywhere and returns the result, which is the same everywhere.
fn everywhere(operation: impl Fn(&CpuCompute) -> Rows) -> Vec<f32> {
    let expected = operation(&reference()).numbers.to_vec();
    for compute in variants() {
        assert_eq!(bits(&operation(&compute).numbers), bits(&expected));
    }
    expected
}

fn assert_close(results: &[f32], exact: impl IntoIterator<Item = f64>) {
    let mut count = 0;
    for (result, exact) in results.iter().zip(exact) {
        assert!((f64::from(*result) - exact).abs() <= 2e-6 * exact.abs().max(1.0), "{result} {exact}");
        count += 1;
    }
    assert_eq!(count, results.len());
}

#[test]
fn norms_are_what_their_formulas_say() {
    for (count, width, length) in [(1, 576, 576), (90, 576, 576), (7, 60, 20), (3, 1000, 1000)] {
        let mut source = Source(21);
        let (x, weight, bias) = (source.numbers(count * width), source.numbers(length), source.numbers(length));
        let result = everywhere(|compute| compute.rms_norm(&rows(compute, width, &x), &weight, 1e-5).unwrap());
        let exact = x.chunks(length).flat_map(|x| {
            let mean = x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / length as f64;
            x.iter().zip(&weight).map(move |(x, weight)| f64::from(*x) / (mean + 1e-5).sqrt() * f64::from(*weight))
        });
        assert_close(&result, exact);
        if width == length {
            let result =
                everywhere(|compute| compute.layer_norm(&rows(compute, width, &x), &weight, &bias, 1e-12).unwrap());
            let exact = x.chunks(length).flat_map(|x| {
                let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / length as f64;
                let variance = x.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / length as f64;
                x.iter().zip(&weight).zip(&bias).map(move |((x, weight), bias)| {
                    (f64::from(*x) - mean) / (variance + 1e-12).sqrt() * f64::from(*weight) + f64::from(*bias)
                })
            });
            assert_close(&result, exact);
        }
    }
    let compute = reference();
    let x = compute.rows(1, 10);
    assert!(compute.rms_norm(&x, &vec![1.0; 3], 1e-5).is_err());
    assert!(compute.rms_norm(&x, &vec![], 1e-5).is_err());
    assert!(compute.layer_norm(&x, &vec![1.0; 10], &vec![1.0; 5], 1e-5).is_err());
}

#[test]
fn rotation_turns_pairs_by_position_times_frequency() {
    let frequencies: Vec<f32> = (0..32).map(|pair| 10_000f32.powf(-(pair as f32) / 32.0)).collect();
    let positions: Vec<u32> = (0..60).map(|index| index * index * 300).collect();
    let x = Source(22).numbers(60 * 3 * 64);
    for pairs in [RopePairs::Halves, RopePairs::Neighbours] {
        let rope = Rope { pairs, frequencies: frequencies.clone() };
        let result = everywhere(|compute| {
            let mut x = rows(compute, 3 * 64, &x);
            compute.rotate(&mut x, &rope, &positions).unwrap();
            x
        });
        let mut exact: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        for (index, head) in exact.chunks_mut(64).enumerate() {
            for (pair, frequency) in frequencies.iter().enumerate() {
                let (first, second) = match pairs {
                    RopePairs::Halves => (pair, pair + 32),
                    RopePairs::Neighbours => (2 * pair, 2 * pair + 1),
                };
                let (sin, cos) = (f64::from(positions[index / 3]) * f64::from(*frequency)).sin_cos();
                let (a, b) = (head[first], head[second]);
                (head[first], head[second]) = (a * cos - b * sin, a * sin + b * cos);
            }
        }
        assert_close(&result, exact);
        let compute = reference();
        assert!(compute.rotate(&mut compute.rows(1, 65), &rope, &[0]).is_err());
        assert!(compute.rotate(&mut compute.rows(1, 64), &rope, &[0, 1]).is_err());
        let none = Rope { pairs, frequencies: vec![] };
        assert!(compute.rotate(&mut compute.rows(1, 64), &none, &[0]).is_err());
    }
}

#[test]
fn turns_are_computed_again_for_other_positions_and_frequencies() {
    let compute = reference();
    let turned = |frequency: f32, position: u32| {
        let mut x = rows(&compute, 2, &[1.0, 0.0]);
        let rope = Rope { pairs: RopePairs::Halves, frequencies: vec![frequency] };
        compute.rotate(&mut x, &rope, &[position]).unwrap();
        x.numbers[0]
    };
    assert_eq!(
        [turned(1.0, 0), turned(1.0, 1), turned(0.5, 1), turned(1.0, 1)].map(|cos| (cos * 1e3) as i32),
        [1000, 540, 877, 540]
    );
}

#[test]
fn numbers_are_computed_by_themselves() {
    let mut source = Source(23);
    let (x, y) = (source.numbers(50 * 1000), source.numbers(50 * 1000));
    let x: Vec<f32> = x.into_iter().map(|x| x * 8.0).collect();
    let added = everywhere(|compute| {
        let mut sum = rows(compute, 1000, &x);
        compute.add(&mut sum, &rows(compute, 1000, &y)).unwrap();
        sum
    });
    assert_close(&added, x.iter().zip(&y).map(|(x, y)| f64::from(*x) + f64::from(*y)));
    let gated = everywhere(|compute| compute.silu_mul(rows(compute, 1000, &x), &rows(compute, 1000, &y)).unwrap());
    assert_close(&gated, x.iter().zip(&y).map(|(x, y)| f64::from(*x) / (1.0 + (-f64::from(*x)).exp()) * f64::from(*y)));
    let curved = everywhere(|compute| compute.gelu(rows(compute, 1000, &x)).unwrap());
    assert_eq!(curved[7], crate::compute::cpu::math::gelu(x[7]));
    let selected = everywhere(|compute| compute.select(&rows(compute, 1000, &x), &[49, 0, 49]).unwrap());
    assert_eq!(selected[..1000], x[49_000..]);
    assert_eq!(selected[1000..2000], x[..1000]);
    let compute = reference();
    let (one, other) = (compute.rows(1, 10), compute.rows(2, 10));
    assert!(compute.select(&one, &[1]).is_err());
    assert!(compute.silu_mul(compute.rows(2, 5), &one).is_err());
    assert!(compute.add(&mut compute.rows(1, 10), &other).is_err());
}
