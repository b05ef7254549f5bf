//! How many files this process, and what it starts, may have open.

use anyhow::{anyhow, Context};

/// Raises the limit of open files to the most that an unprivileged process may have, and returns it. Programs started
/// afterwards inherit it.
pub fn raise_limit() -> anyhow::Result<u64> {
    let (soft, hard) = limits()?;
    if soft >= hard {
        return Ok(soft);
    }
    let pid = std::process::id().to_string();
    let done = std::process::Command::new("prlimit")
        .args(["--pid", &pid, &format!("--nofile={hard}:{hard}")])
        .status()
        .context("cannot run prlimit (package util-linux)")?;
    if !done.success() {
        return Err(anyhow!("prlimit could not raise the limit of open files from {soft} to {hard}"));
    }
    Ok(limits()?.0)
}

/// Soft and hard limit of this process.
fn limits() -> anyhow::Result<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/self/limits").context("cannot read /proc/self/limits")?;
    parse(&text).ok_or_else(|| anyhow!("/proc/self/limits does not show the limit of open files"))
}

fn parse(limits: &str) -> Option<(u64, u64)> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let mut values = line.split_whitespace().map(|value| value.parse().unwrap_or(u64::MAX));
    Some((values.next()?, values.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_and_unlimited() {
        let text = "Limit    Soft Limit  Hard Limit  Units\nMax open files   1024    524288   files\n";
        assert_eq!(parse(text), Some((1024, 524_288)));
        assert_eq!(parse("Max open files   1024   unlimited   files"), Some((1024, u64::MAX)));
        assert_eq!(parse("Max processes 1 1 processes"), None);
    }
}
