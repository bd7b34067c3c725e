//! The machine that figures are of.

use serde::Serialize;

const KIB_PER_GIB: f64 = 1_048_576.0;

/// Its size.
#[derive(Clone, Copy, Debug, Serialize)]
pub(in crate::bench) struct Machine {
    pub(in crate::bench) cores: usize,
    pub(in crate::bench) memory_gib: f64,
}

// === impl Machine ===

impl Machine {
    pub(in crate::bench) fn this() -> Self {
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_kib(&text));
        Self { cores, memory_gib: memory.unwrap_or(0.0) / KIB_PER_GIB }
    }

    pub(in crate::bench) fn text(&self) -> String {
        format!("{} cores, {:.0} GiB", self.cores, self.memory_gib)
    }
}

fn total_kib(meminfo: &str) -> Option<f64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_cores_and_memory() {
        assert_eq!(total_kib("MemFree: 1 kB\nMemTotal:       25165824 kB\n"), Some(25_165_824.0));
        assert_eq!(Machine { cores: 2, memory_gib: 23.6 }.text(), "2 cores, 24 GiB");
        assert!(Machine::this().cores > 0 && Machine::this().memory_gib > 0.0);
    }
}
