//! The machine's memory.

/// All of it, in bytes; unknown outside Linux.
pub fn total() -> Option<u64> {
    of("MemTotal:")
}

fn of(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// `1.4 GB`, `230 MB`.
pub fn words(bytes: u64) -> String {
    let bytes = bytes as f64;
    if bytes < 1e9 { format!("{:.0} MB", bytes / 1e6) } else { format!("{:.1} GB", bytes / 1e9) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_read_well() {
        assert_eq!(super::words(230_400_000), "230 MB");
        assert_eq!(super::words(1_440_000_000), "1.4 GB");
        #[cfg(target_os = "linux")]
        assert!(super::total().unwrap() > 100_000_000);
    }
}
