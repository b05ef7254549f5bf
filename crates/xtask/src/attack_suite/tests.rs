//! The short suite: a small random model, every attack, in less than a minute.

use super::*;

fn scope(tokens: u32, honest_tokens: u64) -> Scope {
    Scope { tokens, honest_tokens, is_cross_class: false, is_coarse: false }
}

#[tokio::test]
async fn every_cheat_is_found_out_and_no_honest_twin() {
    let stage = Stage::tiny(scope(64, 6_000)).await.unwrap();
    assert_eq!((stage.calibrated_on.failed, stage.calibration.deviating), (0, 0));
    let rows = suite(&stage, 2, "", |_| ()).await.unwrap();
    assert_eq!(rows.len(), ATTACKS.len());
    for row in rows {
        assert!(row.is_met(), "{}", row.line());
        assert_eq!(row.suspicious_twins.found, 0, "{}", row.line());
    }
}

/// The suite can fail: a miner that is honest is not found out, whatever the attack is called.
#[tokio::test]
async fn what_is_no_cheat_is_not_found_out() {
    let stage = Stage::tiny(scope(32, 2_000)).await.unwrap();
    for attack in ATTACKS.iter().filter(|attack| attack.name.contains("top-p") || attack.name.contains("receipt")) {
        let honest = Attack { cheat: attack.twin, ..*attack };
        let row = play(&stage, &honest, 2, 0).await.unwrap();
        assert!(!row.is_met() && row.cheats.found == 0 && row.by.is_empty(), "{}", row.line());
    }
}

/// Where honest engines round differently, none is taken for a cheat, and another model is found out all the same.
#[tokio::test]
async fn rounding_is_told_from_cheating() {
    let stage = Stage::tiny(Scope { is_cross_class: true, ..scope(96, 24_000) }).await.unwrap();
    assert!(stage.calibration.logits.p50 > 0.0, "the classes do not differ");
    let rows = suite(&stage, 6, "model", |_| ()).await.unwrap();
    assert!(rows.len() > 3);
    for row in rows {
        assert!(row.is_met(), "{}", row.line());
    }
}
