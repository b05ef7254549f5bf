//! Which processor a thread runs on.
#![expect(unsafe_code, reason = "the system call has no safe form among our dependencies")]

/// Keeps the calling thread on the processor of this number among those that the process may use, counted round. Does
/// nothing where the system does not let it.
#[cfg(target_os = "linux")]
pub(super) fn pin_to(number: usize) {
    // SAFETY: a set of processors is plain bits, of which all zeroes are the empty set.
    let mut allowed = unsafe { std::mem::zeroed::<libc::cpu_set_t>() };
    // SAFETY: the set is as large as said.
    if unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut allowed) } != 0 {
        return;
    }
    // SAFETY: numbers below the set's size.
    let usable = (0..libc::CPU_SETSIZE as usize).filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &allowed) });
    let usable: Vec<usize> = usable.collect();
    let Some(chosen) = number.checked_rem(usable.len()).and_then(|index| usable.get(index)) else { return };
    // SAFETY: as above.
    let mut one = unsafe { std::mem::zeroed::<libc::cpu_set_t>() };
    // SAFETY: the number came out of such a set.
    unsafe { libc::CPU_SET(*chosen, &mut one) };
    // SAFETY: the set is as large as said. A refusal leaves the thread where it was.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &one) };
}

/// Other systems place threads themselves.
#[cfg(not(target_os = "linux"))]
pub(super) fn pin_to(_: usize) {}
