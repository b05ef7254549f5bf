//! How much memory the contexts of running generations may take.

use std::fs;

use cuckoo_engine::{cuda_devices, DeviceChoice};

use crate::{cli::EngineArgs, error::Error};

/// What is assumed where the system does not say what is free.
const ASSUMED_BYTES: u64 = 4 << 30;

/// Memory for the contexts of running generations, all models together: as the operator says, else half of what is free
/// now, on a GPU half of all.
pub fn context_memory_bytes(args: &EngineArgs) -> Result<u64, Error> {
    if let Some(mib) = args.context_memory_mib {
        return Ok(mib << 20);
    }
    let bytes = match args.device {
        DeviceChoice::Cpu => available_bytes(),
        DeviceChoice::Cuda(ordinal) => {
            cuda_devices()?.iter().find(|device| device.ordinal == ordinal).map(|device| device.memory_bytes)
        }
    };
    Ok(bytes.unwrap_or(ASSUMED_BYTES) / 2)
}

/// What the system, or the container, has left.
fn available_bytes() -> Option<u64> {
    let of_system = available_in(&fs::read_to_string("/proc/meminfo").ok()?);
    let of_group = (|| {
        let read = |name: &str| fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse::<u64>().ok();
        read("memory.max")?.checked_sub(read("memory.current")?)
    })();
    of_system.into_iter().chain(of_group).min()
}

/// Reads the line `MemAvailable`, which is in KiB.
fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(context_memory_mib: Option<u64>) -> EngineArgs {
        EngineArgs { device: DeviceChoice::Cpu, threads: None, context_memory_mib }
    }

    #[test]
    fn the_system_says_what_is_free() {
        assert_eq!(available_in("MemTotal: 9 kB\nMemAvailable:       2048 kB\n"), Some(2 << 20));
        assert_eq!(available_in("MemAvailable: many kB"), None);
        assert_eq!(available_in(""), None);
    }

    #[test]
    fn the_operator_decides_else_there_is_a_bound() {
        assert_eq!(context_memory_bytes(&args(Some(3))).unwrap(), 3 << 20);
        assert!((1..1 << 50).contains(&context_memory_bytes(&args(None)).unwrap()));
    }
}
