//! One measured number.

use std::time::Duration;

use serde_json::json;

/// Prints one figure of this bench as one line of JSON, in the form that all benches have.
pub(crate) fn print(metric: &str, value: f64, unit: &str) {
    let value = (value * 10_000.0).round() / 10_000.0;
    println!("{}", json!({ "bench": "economy", "metric": metric, "value": value, "unit": unit }));
}

/// The time in the middle, in microseconds.
pub(crate) fn median_us(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}
