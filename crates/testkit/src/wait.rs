//! Waiting for a condition instead of for a length of time.

use std::time::{Duration, Instant};

use anyhow::anyhow;

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks at `condition` until it is `Ok`, at most for `limit`. An `Err` says what is still missing; the last one is part
/// of the error when the limit is reached. A look that itself takes too long is cut off at the limit.
pub async fn until<T>(
    limit: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let start = Instant::now();
    let mut missing = anyhow!("the first look did not return");
    loop {
        let left = limit.saturating_sub(start.elapsed());
        match tokio::time::timeout(left, condition()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => missing = error,
            Err(_) => {}
        }
        if start.elapsed() + PAUSE >= limit {
            return Err(missing.context(format!("waited {:.1} s for {what}", start.elapsed().as_secs_f32())));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::ensure;

    #[tokio::test]
    async fn returns_when_the_condition_holds() {
        let mut looks = 0;
        let seen = until(Duration::from_secs(5), "three looks", async || {
            looks += 1;
            ensure!(looks >= 3, "{looks} looks");
            Ok(looks)
        })
        .await;
        assert_eq!(seen.unwrap(), 3);
    }

    #[tokio::test]
    async fn says_what_was_missing_at_the_limit() {
        let missing: anyhow::Result<()> =
            until(Duration::from_millis(120), "a miracle", async || Err(anyhow!("none so far"))).await;
        let text = format!("{:#}", missing.unwrap_err());
        assert!(text.contains("a miracle") && text.contains("none so far"), "{text}");
    }

    #[tokio::test]
    async fn a_hanging_look_is_cut_off() {
        let hanging: anyhow::Result<()> =
            until(Duration::from_millis(120), "a hanging look", async || std::future::pending().await).await;
        assert!(format!("{:#}", hanging.unwrap_err()).contains("a hanging look"));
    }
}
