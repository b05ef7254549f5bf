//! What happens, one JSON object a line on standard output, for scripts that start this program.

use std::io::Write;

use cuckoo_primitives::AccountId;
use serde::Serialize;

/// Where events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events {
    /// To standard output.
    Stdout,
    /// Nowhere.
    Silent,
}

/// Something that happened.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// The models are loaded and coordinators are dialled from now on.
    Ready {
        /// The account that this miner signs with.
        operator: &'a AccountId,
        /// Ids of the models.
        models: Vec<&'a str>,
        /// Slots for all coordinators together.
        slots: u32,
        /// Where metrics are served.
        metrics: Option<String>,
    },
    /// A coordinator has this many slots from now on: it was linked just now, or its part has changed.
    Linked {
        /// Its operator.
        coordinator: &'a AccountId,
        /// Where it is.
        url: &'a str,
        /// Its part of the slots.
        slots: u32,
    },
    /// The link to a coordinator has ended.
    Unlinked {
        /// Its operator.
        coordinator: &'a AccountId,
        /// Where it is.
        url: &'a str,
        /// Why.
        reason: &'a str,
    },
}

impl Events {
    /// Reports an event. Whoever does not want to read it any more is no reason to stop.
    pub fn emit(self, event: &Event<'_>) {
        if self == Self::Silent {
            return;
        }
        if let Ok(mut line) = serde_json::to_vec(event) {
            line.push(b'\n');
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(&line).and_then(|()| out.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_name_themselves() {
        let operator = AccountId::from([1; 32]);
        let ready = Event::Ready { operator: &operator, models: vec!["m"], slots: 4, metrics: None };
        let json: serde_json::Value = serde_json::to_value(&ready).unwrap();
        assert_eq!(json["event"], "ready");
        assert_eq!(json["operator"], operator.to_string());
        assert!(json["metrics"].is_null());
        let linked = Event::Linked { coordinator: &operator, url: "http://a:1", slots: 2 };
        assert_eq!(serde_json::to_value(&linked).unwrap()["event"], "linked");
    }
}
