//! One measured number.

use serde_json::json;

/// A measured number, as it is printed.
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) bench: &'static str,
    /// Which number of it; names the conditions too.
    pub(crate) metric: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

impl Figure {
    /// Prints it as one line of JSON.
    pub(crate) fn print(&self) {
        println!("{}", self.line());
    }

    fn line(&self) -> String {
        // Four digits after the point are more than any of the measurements is good for.
        let value = (self.value * 10_000.0).round() / 10_000.0;
        json!({ "bench": self.bench, "metric": self.metric, "value": value, "unit": self.unit }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_one_json_object() {
        let figure = Figure { bench: "selection", metric: "draws_per_s", value: 2.0 / 3.0, unit: "1/s" };
        let line: serde_json::Value = serde_json::from_str(&figure.line()).unwrap();
        assert_eq!(line, json!({"bench": "selection", "metric": "draws_per_s", "value": 0.6667, "unit": "1/s"}));
    }
}
