//! How fast matrices are multiplied, beside another implementation. Prints and asserts nothing, so it only runs when asked.

use std::time::{Duration, Instant};

use candle_core::{
    quantized::{GgmlDType, QMatMul, QTensor},
    Device, Module, Tensor,
};

use super::*;
use crate::compute::Compute;

/// The shortest of some runs: what others do on the machine only makes runs longer.
fn shortest(mut run: impl FnMut()) -> Duration {
    let (begin, mut shortest) = (Instant::now(), Duration::MAX);
    while begin.elapsed() < Duration::from_millis(300) {
        let start = Instant::now();
        run();
        shortest = shortest.min(start.elapsed());
    }
    shortest
}

#[test]
#[ignore = "measures, and takes a minute"]
fn speed_of_products() {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let compute = compute(Isa::best(), threads);
    println!("{:?}, {threads} threads", compute.isa);
    for (dtype, theirs) in [(StoredType::Q8_0, GgmlDType::Q8_0), (StoredType::Q4_1, GgmlDType::Q4_1)] {
        for (outputs, inputs) in [(576, 576), (1536, 576), (576, 1536), (49152, 576)] {
            let weights =
                Tensor::from_vec(Source(31).numbers(outputs * inputs), (outputs, inputs), &Device::Cpu).unwrap();
            let weights = QTensor::quantize(&weights, theirs).unwrap();
            let bytes = weights.data().unwrap().into_owned();
            let begin = Instant::now();
            let matrix = compute.matrix(stored(dtype, outputs, inputs, &bytes)).unwrap();
            println!("{} {outputs} x {inputs}, packed in {:?}", dtype.name(), begin.elapsed());
            let other = QMatMul::from_qtensor(weights).unwrap();
            for tokens in [1, 8, 128] {
                let x = Source(32).numbers(tokens * inputs);
                let tensor = Tensor::from_vec(x.clone(), (tokens, inputs), &Device::Cpu).unwrap();
                let x = rows(&compute, inputs, &x);
                let ours = shortest(|| drop(compute.matmul(&x, [(&matrix, None)]).unwrap()));
                let theirs = shortest(|| drop(other.forward(&tensor).unwrap()));
                let rate = |time: Duration| (outputs * inputs * tokens) as f64 / time.as_secs_f64() * 1e-9;
                let (ours, theirs) = (rate(ours), rate(theirs));
                println!("  {tokens:>3} tokens: {ours:6.1} GMAC/s, candle {theirs:6.1}, {:.1} times", ours / theirs);
            }
        }
    }
}
