//! The short suite: a small random model, every attack, in less than a minute.

use super::*;

#[tokio::test]
async fn every_cheat_is_found_out_and_no_honest_twin() {
    let stage = Stage::tiny(64, 6_000).await.unwrap();
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
    let stage = Stage::tiny(32, 2_000).await.unwrap();
    for attack in ATTACKS.iter().filter(|attack| attack.name.contains("top-p") || attack.name.contains("receipt")) {
        let honest = Attack { cheat: attack.twin, ..*attack };
        let row = play(&stage, &honest, 2, 0).await.unwrap();
        assert!(!row.is_met() && row.cheats.found == 0 && row.by.is_empty(), "{}", row.line());
    }
}
