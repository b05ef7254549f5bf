//! From the floats of a task to the integers that its tokens are drawn with.

use cuckoo_sampler::{Parameters, MAX_CANDIDATES, ONE};

use crate::link::Sampling;

/// How tokens are drawn. What floats say is rounded to 2^-16, and where everything may be drawn it is the
/// [`MAX_CANDIDATES`] likeliest.
pub fn parameters(sampling: &Sampling) -> Parameters {
    let fixed = |part: f32| (f64::from(part) * f64::from(ONE)).round() as u32;
    let most = MAX_CANDIDATES as u32;
    let top_k = match sampling.top_k {
        0 => most,
        some => some.min(most),
    };
    Parameters {
        temperature: fixed(sampling.temperature).min(Parameters::MAX_TEMPERATURE),
        top_k: top_k as u8,
        top_p: fixed(sampling.top_p).clamp(1, ONE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_valid_request_has_valid_parameters() {
        for (temperature, top_p, top_k) in [(0.0, f32::MIN_POSITIVE, 0), (2.0, 1.0, 1), (1e-9, 0.5, 1_000_000)] {
            assert!(parameters(&Sampling { temperature, top_p, top_k, ..Default::default() }).are_valid());
        }
    }

    #[test]
    fn floats_become_parts_of_65_536() {
        let sampling = Sampling { temperature: 0.7, top_p: 0.95, top_k: 40, ..Default::default() };
        assert_eq!(parameters(&sampling), Parameters { temperature: 45_875, top_k: 40, top_p: 62_259 });
    }
}
