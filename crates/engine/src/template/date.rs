//! The date that templates write.
//!
//! It is always the same one. A prompt must be the same whoever renders it and whenever: an auditor who rendered it a
//! day later would else compute something else than the miner, and an honest miner would look like a cheat. The date is
//! the one that Llama 3's template falls back to where there is no clock.

use minijinja::{Error, ErrorKind};

/// A function: the date by the directives of `strftime`.
pub(super) fn format(directives: &str) -> Result<String, Error> {
    let mut text = String::new();
    let mut rest = directives.chars();
    while let Some(character) = rest.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        let directive = rest.next();
        text.push_str(directive.and_then(field).ok_or_else(|| {
            let name = directive.map(String::from).unwrap_or_default();
            Error::new(ErrorKind::InvalidOperation, format!("strftime_now does not know %{name}"))
        })?);
    }
    Ok(text)
}

fn field(directive: char) -> Option<&'static str> {
    Some(match directive {
        'Y' => "2024",
        'y' => "24",
        'm' => "07",
        'd' | 'e' => "26",
        'b' | 'h' => "Jul",
        'B' => "July",
        'a' => "Fri",
        'A' => "Friday",
        'j' => "208",
        'F' => "2024-07-26",
        'H' | 'M' | 'S' => "00",
        'I' => "12",
        'p' => "AM",
        'T' | 'X' => "00:00:00",
        'Z' => "UTC",
        'z' => "+0000",
        '%' => "%",
        _ => return None,
    })
}
