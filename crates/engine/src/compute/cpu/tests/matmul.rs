use proptest::prelude::*;

use super::*;
use crate::{
    compute::{Compute, Prepare},
    weights::dequantise,
};

/// What activations are after rounding to bytes by blocks of 32.
fn rounded(x: &[f32]) -> Vec<f64> {
    let blocks = x.chunks(32).flat_map(|block| {
        let largest = block.iter().fold(0f32, |largest, number| largest.max(number.abs()));
        let (scale, inverse) = if largest == 0.0 { (0.0, 0.0) } else { (largest / 127.0, 127.0 / largest) };
        block.iter().map(move |number| f64::from((number * inverse).round_ties_even()) * f64::from(scale))
    });
    blocks.collect()
}

/// Each product in `f64`, and the sum of the products' magnitudes, which rounding errors are measured by.
fn exact(dtype: StoredType, x: &[f32], weights: &[f32], columns: usize) -> Vec<(f64, f64)> {
    let x: Vec<f64> = if dtype.block_len() == 1 { x.iter().map(|x| f64::from(*x)).collect() } else { rounded(x) };
    let rows = x.chunks(columns).flat_map(|x| {
        weights.chunks(columns).map(move |weights| {
            let products = || x.iter().zip(weights).map(|(x, weight)| x * f64::from(*weight));
            (products().sum(), products().map(f64::abs).sum())
        })
    });
    rows.collect()
}

fn product(compute: &CpuCompute, x: &[f32], weights: Stored<'_>, bias: Option<&Vec<f32>>) -> Vec<f32> {
    let matrix = compute.matrix(weights).unwrap();
    let x = rows(compute, weights.columns, x);
    let [result] = compute.matmul(&x, [(&matrix, bias)]).unwrap();
    assert_eq!((result.count, result.width), (x.count, weights.rows));
    compute.to_vec(&result).unwrap()
}

#[test]
fn products_are_those_of_the_numbers_that_the_file_stores() {
    let mut source = Source(1);
    for dtype in TYPES {
        let (outputs, columns, tokens) = (37, 512, 5);
        let bytes = source.weights(dtype, outputs, columns);
        let x = source.numbers(tokens * columns);
        let weights = stored(dtype, outputs, columns, &bytes);
        let result = product(&reference(), &x, weights, None);
        for (result, (exact, size)) in result.iter().zip(exact(dtype, &x, &dequantise(weights), columns)) {
            assert!((f64::from(*result) - exact).abs() <= 2e-5 * size, "{}: {result} {exact}", dtype.name());
        }
    }
}

#[test]
fn products_do_not_depend_on_instruction_set_threads_or_rows_beside_them() {
    let mut source = Source(2);
    for dtype in TYPES {
        let (outputs, columns) = (70, 512);
        let bytes = source.weights(dtype, outputs, columns);
        let weights = stored(dtype, outputs, columns, &bytes);
        let x = source.numbers(41 * columns);
        let bias = source.numbers(outputs);
        let expected = product(&reference(), &x, weights, Some(&bias));
        for compute in variants() {
            for tokens in [1, 2, 3, 4, 7, 8, 11, 12, 13, 16, 24, 31, 41] {
                let result = product(&compute, &x[..tokens * columns], weights, Some(&bias));
                let expected = &expected[..tokens * outputs];
                assert_eq!(bits(&result), bits(expected), "{} {:?} {tokens}", dtype.name(), compute.isa);
            }
            let alone = product(&compute, &x[40 * columns..], weights, Some(&bias));
            assert_eq!(bits(&alone), bits(&expected[40 * outputs..]));
        }
    }
}

#[test]
fn weights_at_the_ends_of_their_range_do_not_overflow() {
    for dtype in TYPES.into_iter().filter(|dtype| dtype.block_len() > 1) {
        for (fill, sign) in [(0u8, 1.0), (0xff, 1.0), (0x80, 1.0), (0x80, -1.0), (0xff, -1.0)] {
            let mut bytes = vec![fill; 16 * 256 / dtype.block_len() * dtype.block_bytes()];
            for block in bytes.chunks_exact_mut(dtype.block_bytes()) {
                let halves: &[usize] = if dtype == StoredType::Q6K { &[208] } else { &[0, 2] };
                for at in halves.iter().filter(|at| {
                    dtype != StoredType::Q8_0 && dtype != StoredType::Q4_0 && dtype != StoredType::Q5_0 || **at == 0
                }) {
                    block[*at..at + 2].copy_from_slice(&f32_to_f16(1.0).to_le_bytes());
                }
            }
            let weights = stored(dtype, 16, 256, &bytes);
            let x = vec![sign; 256];
            let exact = exact(dtype, &x, &dequantise(weights), 256);
            for compute in Isa::available().into_iter().map(|isa| compute(isa, 1)) {
                for (result, (exact, size)) in product(&compute, &x, weights, None).iter().zip(&exact) {
                    assert!((f64::from(*result) - exact).abs() <= 1e-5 * size, "{} {:?}", dtype.name(), compute.isa);
                }
            }
        }
    }
}

#[test]
fn several_layers_read_the_same_rows_at_once() {
    let mut source = Source(3);
    let x = source.numbers(9 * 256);
    let all: Vec<_> = [(StoredType::Q8_0, 20), (StoredType::F32, 33), (StoredType::Q4K, 200)]
        .map(|(dtype, outputs)| (dtype, outputs, source.weights(dtype, outputs, 256)))
        .into();
    for compute in variants() {
        let matrices: Vec<_> = all
            .iter()
            .map(|(dtype, outputs, bytes)| compute.matrix(stored(*dtype, *outputs, 256, bytes)).unwrap())
            .collect();
        let x_rows = rows(&compute, 256, &x);
        let results =
            compute.matmul(&x_rows, [(&matrices[0], None), (&matrices[1], None), (&matrices[2], None)]).unwrap();
        for (result, (dtype, outputs, bytes)) in results.iter().zip(&all) {
            let alone = product(&compute, &x, stored(*dtype, *outputs, 256, bytes), None);
            assert_eq!(bits(&compute.to_vec(result).unwrap()), bits(&alone));
        }
    }
}

#[test]
fn rows_of_a_table_are_what_the_file_stores() {
    let mut source = Source(4);
    for dtype in TYPES {
        let bytes = source.weights(dtype, 50, 768);
        let weights = stored(dtype, 50, 768, &bytes);
        let numbers = dequantise(weights);
        for compute in [reference(), compute(Isa::best(), 2)] {
            let table = compute.matrix(weights).unwrap();
            let ids = [49, 0, 17, 17, 31];
            let found = compute.lookup(&table, &ids).unwrap();
            for (index, id) in ids.into_iter().enumerate() {
                assert_eq!(bits(found.row(index)), bits(&numbers[id as usize * 768..][..768]), "{}", dtype.name());
            }
            assert!(compute.lookup(&table, &[50]).is_err());
            assert_eq!(compute.lookup(&table, &[]).unwrap().count, 0);
        }
    }
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    let compute = reference();
    let bytes = [0u8; 34 * 4];
    let matrix = compute.matrix(stored(StoredType::Q8_0, 4, 32, &bytes)).unwrap();
    assert!(compute.matmul(&compute.rows(1, 64), [(&matrix, None)]).is_err());
    assert!(compute.matmul(&compute.rows(1, 32), [(&matrix, Some(&vec![0.0; 3]))]).is_err());
    assert_eq!(compute.matmul(&compute.rows(0, 32), [(&matrix, None)]).unwrap()[0].count, 0);
    for (rows, columns) in [(4, 31), (4, 64), (0, 32), (4, 0), (usize::MAX, 32), (4, usize::MAX & !31)] {
        assert!(compute.matrix(stored(StoredType::Q8_0, rows, columns, &bytes)).is_err(), "{rows} {columns}");
    }
    assert!(compute.vector(stored(StoredType::F32, 1, 35, &bytes)).is_err());
    assert_eq!(compute.vector(stored(StoredType::F32, 1, 34, &bytes)).unwrap(), [0.0; 34]);
}

#[test]
fn strange_activations_do_no_harm() {
    let mut source = Source(5);
    let bytes = source.weights(StoredType::Q8_0, 16, 32);
    for strange in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE, 1e-45, 0.0] {
        for compute in variants() {
            let mut x = vec![0.0; 64];
            x[3] = strange;
            x[40] = 1.0;
            let result = product(&compute, &x, stored(StoredType::Q8_0, 16, 32, &bytes), None);
            assert!(result[16..].iter().all(|number| number.is_finite()), "{strange}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_shape_is_computed_alike(
        seed: u64,
        dtype in proptest::sample::select(TYPES.to_vec()),
        outputs in 1usize..80,
        blocks in 1usize..4,
        tokens in 1usize..40,
    ) {
        let mut source = Source(seed);
        let columns = blocks * dtype.block_len().max(7);
        let bytes = source.weights(dtype, outputs, columns);
        let weights = stored(dtype, outputs, columns, &bytes);
        let x = source.numbers(tokens * columns);
        let expected = product(&reference(), &x, weights, None);
        for (result, (exact, size)) in expected.iter().zip(exact(dtype, &x, &dequantise(weights), columns)) {
            prop_assert!((f64::from(*result) - exact).abs() <= 2e-5 * size, "{} {}", result, exact);
        }
        for isa in Isa::available() {
            prop_assert_eq!(bits(&product(&compute(isa, 2), &x, weights, None)), bits(&expected));
        }
    }
}
