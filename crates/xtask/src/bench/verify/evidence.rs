//! How long the chain takes for evidence, by the weights that were measured.

use anyhow::Context;

use crate::bench::figure::Figure;

/// The measured weights.
const WEIGHTS: &str = include_str!("../../../../../pallets/slashing/src/weights.rs");
/// What the runtime counts for the database, in microseconds (ParityDb).
const READ_US: f64 = 8.0;
const WRITE_US: f64 = 50.0;
const KINDS: [(&str, &str); 10] = [
    ("report_receipts", "evidence_ms_receipts"),
    ("report_acceptance", "evidence_ms_acceptance"),
    ("report_delivery", "evidence_ms_delivery"),
    ("report_leaf", "evidence_ms_leaf"),
    ("report_sampling", "evidence_ms_sampling"),
    ("report_excess", "evidence_ms_excess"),
    ("challenge_opening", "evidence_ms_challenge_opening"),
    ("challenge_result", "evidence_ms_challenge_result"),
    ("answer_leaf", "evidence_ms_answer_leaf"),
    ("answer_receipt", "evidence_ms_answer_receipt"),
];

/// Prints a figure for each kind.
pub(super) fn print() -> anyhow::Result<()> {
    for (function, metric) in KINDS {
        let value = milliseconds(WEIGHTS, function).with_context(|| format!("no weight of {function}"))?;
        Figure { bench: super::BENCH, metric, value, unit: "ms of a block" }.print();
    }
    Ok(())
}

/// What the first function of this name with a body takes.
fn milliseconds(weights: &str, function: &str) -> Option<f64> {
    let (_, body) = weights.split_once(&format!("fn {function}() -> Weight {{"))?;
    let (body, _) = body.split_once("fn ")?;
    let number = |before: &str| -> Option<f64> {
        let (_, rest) = body.split_once(before)?;
        let digits: String = rest.chars().take_while(|it| it.is_ascii_digit() || *it == '_').collect();
        digits.replace('_', "").parse().ok()
    };
    let computing_us = number("Weight::from_parts(")? / 1e6;
    let database_us = READ_US * number("reads(").unwrap_or(0.0) + WRITE_US * number("writes(").unwrap_or(0.0);
    Some((computing_us + database_us) / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_computing_and_the_database() {
        let weights = "fn a() -> Weight;\nfn a() -> Weight {\nWeight::from_parts(2_000_000, 0)\n.reads(3_u64))\n.writes(2_u64))}\nfn b";
        assert!((milliseconds(weights, "a").unwrap() - 0.126).abs() < 1e-9);
        assert_eq!(milliseconds(weights, "c"), None);
    }

    #[test]
    fn every_kind_has_a_weight() {
        for (function, _) in KINDS {
            assert!(milliseconds(WEIGHTS, function).is_some_and(|ms| (0.1..10.0).contains(&ms)), "{function}");
        }
    }
}
