//! The table of shares.

use std::fmt::Write;

use anyhow::Context;
use cuckoo_primitives::CAI;
use serde_json::Value;

use super::requests::Served;

/// One line for each miner: its backing, the share of tasks it served and the one that its backing lets expect.
///
/// `miners` holds what the gateway lists of each.
pub(super) fn shares(miners: &[(&str, Value)], served: &Served) -> anyhow::Result<String> {
    let mut rows = Vec::new();
    for (name, listed) in miners {
        let operator = listed["operator"].as_str().context("a listed miner has no operator")?;
        let expected = listed["selection_share"].as_f64().context("a listed miner has no selection_share")?;
        rows.push((*name, operator, backing(listed)?, served.by(operator).tasks, expected));
    }
    let all_served: usize = rows.iter().map(|row| row.3).sum();
    let all_expected: Vec<f64> = rows.iter().map(|row| row.4).collect();
    let mut table = format!(
        "  {:<10} {:<50} {:>13} {:>7} {:>9} {:>9}\n",
        "miner", "operator", "backing (CAI)", "served", "share", "expected"
    );
    for (name, operator, backing, served, expected) in rows {
        writeln!(
            table,
            "  {name:<10} {operator:<50} {:>13} {served:>7} {:>7.1} % {:>7.1} %",
            backing / CAI,
            100.0 * served as f64 / all_served.max(1) as f64,
            100.0 * expected,
        )?;
    }
    writeln!(
        table,
        "  Chance alone moves the share of {all_served} tasks by up to {:.0} points.",
        chance(&all_expected, all_served)
    )?;
    Ok(table)
}

/// How many points the shares of so many tasks stray from the expected ones at most, in 19 of 20 runs.
fn chance(expected: &[f64], tasks: usize) -> f64 {
    let spread = |share: &f64| 196.0 * (share * (1.0 - share) / tasks.max(1) as f64).sqrt();
    expected.iter().map(spread).fold(0.0, f64::max)
}

/// The backing that the gateway lists, in planck; a string, since JSON's numbers are too small.
fn backing(listed: &Value) -> anyhow::Result<u128> {
    let text = listed["backing"].as_str().with_context(|| format!("no backing in {listed}"))?;
    text.parse().with_context(|| format!("the backing {text:?} is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shares_stand_beside_what_was_expected() {
        let listed = |operator: &str, cai: u128, share: f64| {
            json!({
                "operator": operator, "backing": (cai * CAI).to_string(), "selection_share": share,
            })
        };
        let miners = [("//Miner1", listed("5One", 25_000, 0.25)), ("//Miner2", listed("5Two", 75_000, 0.75))];
        let mut served = Served::default();
        for number in 0..40 {
            let operator = if number % 5 == 0 { "5One" } else { "5Two" };
            served.add(operator.into(), &json!({ "prompt_tokens": 2, "completion_tokens": 3 }));
        }
        assert_eq!((served.by("5One").prompt, served.by("5Two").completion), (16, 96));
        let table = shares(&miners, &served).unwrap();
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["//Miner1", "5One", "25000", "8", "20.0", "%", "25.0", "%"]);
        assert_eq!(lines[2], ["//Miner2", "5Two", "75000", "32", "80.0", "%", "75.0", "%"]);
        assert!(table.contains("the share of 40 tasks by up to 13 points"), "{table}");
    }
}
