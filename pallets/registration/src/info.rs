//! What a candidate may say of itself.

use alloc::string::String;
use cuckoo_primitives::{CandidateInfo, Role};
use frame_support::{ensure, traits::Get, BoundedVec};

use crate::{Config, Error};

/// Stands for a name of which nothing can be shown.
const NO_NAME: &str = "unnamed";

/// Checks that pages can show `info` as it is, and that miners can dial a coordinator's endpoint.
pub(crate) fn ensure_valid<T: Config>(role: Role, info: &CandidateInfo) -> Result<(), Error<T>> {
    let name = core::str::from_utf8(&info.name).map_err(|_| Error::<T>::TextInvalid)?;
    ensure!(!name.trim().is_empty(), Error::<T>::NameMissing);
    ensure!(name.chars().all(is_plain), Error::<T>::TextInvalid);
    let introduction = core::str::from_utf8(&info.introduction).map_err(|_| Error::<T>::TextInvalid)?;
    ensure!(introduction.chars().all(is_plain_or_newline), Error::<T>::TextInvalid);
    match role {
        Role::Coordinator => ensure!(is_endpoint(&info.endpoint), Error::<T>::EndpointInvalid),
        Role::Miner | Role::Validator => ensure!(info.endpoint.is_empty(), Error::<T>::EndpointNotAllowed),
    }
    Ok(())
}

/// The same without characters that are not allowed in a text.
pub(crate) fn mended(info: CandidateInfo) -> CandidateInfo {
    let name = only(info.name, is_plain);
    let is_blank = core::str::from_utf8(&name).map_or(true, |name| name.trim().is_empty());
    CandidateInfo {
        name: if is_blank { NO_NAME.as_bytes().to_vec().try_into().unwrap_or_default() } else { name },
        introduction: only(info.introduction, is_plain_or_newline),
        endpoint: info.endpoint,
    }
}

/// Those characters of `text` for which `is_allowed` is true.
fn only<Bound: Get<u32>>(text: BoundedVec<u8, Bound>, is_allowed: fn(char) -> bool) -> BoundedVec<u8, Bound> {
    let kept: String =
        core::str::from_utf8(&text).unwrap_or_default().chars().filter(|letter| is_allowed(*letter)).collect();
    // It is not longer than the text, which fits.
    kept.into_bytes().try_into().unwrap_or_default()
}

/// No character that steers a terminal, ends a line, or turns the direction of the text around it, so that a text looks
/// like another.
fn is_plain(letter: char) -> bool {
    let steers_direction = matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2066}'..='\u{2069}');
    let ends_line_or_steers_direction = matches!(letter, '\u{2028}'..='\u{202e}');
    !letter.is_control() && !steers_direction && !ends_line_or_steers_direction
}

fn is_plain_or_newline(letter: char) -> bool {
    letter == '\n' || is_plain(letter)
}

/// `http://` or `https://`, then at least a host, all of it printable ASCII without spaces.
fn is_endpoint(url: &[u8]) -> bool {
    let rest = url.strip_prefix(b"http://").or_else(|| url.strip_prefix(b"https://"));
    let has_host = rest.and_then(|rest| rest.first()).is_some_and(|first| !b"/?#:".contains(first));
    has_host && url.iter().all(u8::is_ascii_graphic)
}
