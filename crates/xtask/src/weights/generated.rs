//! What a file of weights says of the benchmarks from which it came.

use std::collections::BTreeSet;

use cuckoo_primitives::signing::blake2_256;

/// The form of these files.
const TEMPLATE: &str = include_str!("template.hbs");
/// Stands in the form for what names the benchmarks.
const HASH: &str = "BENCHMARKS_HASH";
/// Begins the line that has it.
const HASH_LINE: &str = "//! benchmarking.rs: ";

/// The form of the weights that come from these benchmarks.
pub(crate) fn template(benchmarks: &str) -> String {
    TEMPLATE.replace(HASH, &name(benchmarks))
}

/// Why weights are not those of these benchmarks; `None` if they are.
pub(crate) fn staleness(benchmarks: &str, weights: &str) -> Option<String> {
    let (measured, known) = (benchmark_names(benchmarks), function_names(weights));
    let list = |names: BTreeSet<&&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let (new, gone) = (measured.difference(&known).collect::<BTreeSet<_>>(), known.difference(&measured).collect());
    if !new.is_empty() {
        return Some(format!("{} was never measured", list(new)));
    }
    let gone: BTreeSet<&&str> = gone;
    if !gone.is_empty() {
        return Some(format!("{} has no benchmark", list(gone)));
    }
    let line = weights.lines().find_map(|line| line.strip_prefix(HASH_LINE));
    (line != Some(&name(benchmarks))).then(|| "benchmarking.rs has changed since it was measured".into())
}

/// Names a text: the first half of its blake2_256, in hexadecimal digits.
fn name(text: &str) -> String {
    blake2_256(&[text.as_bytes()]).as_bytes().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The functions under `#[benchmark]`, but for those that are no part of the weights (`extra`).
fn benchmark_names(text: &str) -> BTreeSet<&str> {
    let mut lines = text.lines().map(str::trim);
    let mut names = BTreeSet::new();
    while let Some(line) = lines.next() {
        let is_benchmark = line.starts_with("#[benchmark]") || line.starts_with("#[benchmark(");
        if is_benchmark && !line.contains("extra") {
            names.extend(lines.by_ref().find_map(function_name));
        }
    }
    names
}

/// The functions of the trait `WeightInfo`.
fn function_names(text: &str) -> BTreeSet<&str> {
    let lines = text.lines().skip_while(|line| !line.starts_with("pub trait WeightInfo"));
    lines.take_while(|line| *line != "}").map(str::trim).filter_map(function_name).collect()
}

fn function_name(line: &str) -> Option<&str> {
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BENCHMARKS: &str = "
        #[benchmarks]
        mod benchmarks {
            fn help() {}
            #[benchmark]
            fn vote() {}
            #[benchmark(pov_mode = Measured)]
            #[allow(unused)]
            fn settle(s: Linear<0, 16>) -> Result<(), BenchmarkError> {}
            #[benchmark(extra)]
            fn look() {}
        }
    ";

    fn weights(functions: &str, benchmarks: &str) -> String {
        let trait_end = "}\nimpl WeightInfo for SubstrateWeight {\n    fn other() {}\n}\n";
        format!("{HASH_LINE}{}\n\npub trait WeightInfo {{\n{functions}{trait_end}", name(benchmarks))
    }

    const BOTH: &str = "    /// Docs.\n    fn vote() -> Weight;\n    fn settle(s: u32) -> Weight;\n";

    #[test]
    fn weights_of_the_same_benchmarks_are_fresh() {
        assert_eq!(staleness(BENCHMARKS, &weights(BOTH, BENCHMARKS)), None);
    }

    #[test]
    fn a_benchmark_without_weight_is_named() {
        let reason = staleness(BENCHMARKS, &weights("    fn vote() -> Weight;\n", BENCHMARKS));
        assert_eq!(reason.as_deref(), Some("`settle` was never measured"));
        assert_eq!(staleness(BENCHMARKS, "").as_deref(), Some("`settle`, `vote` was never measured"));
    }

    #[test]
    fn a_weight_without_benchmark_is_named() {
        let reason = staleness(BENCHMARKS, &weights(&format!("{BOTH}    fn look() -> Weight;\n"), BENCHMARKS));
        assert_eq!(reason.as_deref(), Some("`look` has no benchmark"));
    }

    #[test]
    fn a_change_of_a_benchmark_makes_its_weight_stale() {
        let changed = BENCHMARKS.replace("fn vote() {}", "fn vote() { more(); }");
        let reason = staleness(&changed, &weights(BOTH, BENCHMARKS));
        assert_eq!(reason.as_deref(), Some("benchmarking.rs has changed since it was measured"));
    }

    #[test]
    fn the_form_names_the_benchmarks_it_is_for() {
        let form = template(BENCHMARKS);
        assert!(form.contains(&format!("{HASH_LINE}{}\n", name(BENCHMARKS))));
        assert!(!form.contains(HASH));
    }
}
