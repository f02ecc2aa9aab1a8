//! The machine's memory, or what a container leaves of it.

use std::path::{Path, PathBuf};

/// Where Linux tells of control groups.
const GROUPS: &str = "/sys/fs/cgroup";

/// All that this process may take, in bytes: the machine's, or the least limit of its control groups; unknown outside Linux.
pub fn total() -> Option<u64> {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let machine = of("MemTotal:")?;
    Some(group_limit(Path::new(GROUPS), &own).map_or(machine, |limit| limit.min(machine)))
}

fn of(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// The least limit of the groups that `own` (`/proc/self/cgroup`) names and of those that they are in, by version 2 and by version 1.
/// A container may see its own group as the root, whatever the file names, and so every path is looked up to the root.
fn group_limit(root: &Path, own: &str) -> Option<u64> {
    let limits = own.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let (top, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            names if names.split(',').any(|name| name == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let group = top.join(path.trim_start_matches('/'));
        let groups: Vec<PathBuf> =
            group.ancestors().take_while(|path| path.starts_with(&top)).map(Path::to_owned).collect();
        // No limit is `max`, or in version 1 a number that no machine has.
        let limit =
            |group: &PathBuf| std::fs::read_to_string(group.join(file)).ok()?.trim().parse::<u64>().ok();
        groups.iter().filter_map(limit).min()
    });
    limits.min()
}

/// `1.4 GB`, `230 MB`.
pub fn words(bytes: u64) -> String {
    let bytes = bytes as f64;
    if bytes < 1e9 { format!("{:.0} MB", bytes / 1e6) } else { format!("{:.1} GB", bytes / 1e9) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!(words(230_400_000), "230 MB");
        assert_eq!(words(1_440_000_000), "1.4 GB");
        #[cfg(target_os = "linux")]
        assert!(total().unwrap() > 100_000_000);
    }

    #[test]
    fn the_least_limit_of_all_groups_counts() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let limit = |own: &str| group_limit(dir.path(), own);
        let own = "0::/pod/job\n";
        assert_eq!(limit(own), None, "nothing is told");
        write("pod/job/memory.max", "max\n");
        assert_eq!(limit(own), None, "no limit");
        write("pod/memory.max", "3000000000\n");
        assert_eq!(limit(own), Some(3_000_000_000), "that of the group around it");
        write("pod/job/memory.max", "2000000000\n");
        assert_eq!(limit(own), Some(2_000_000_000));
        // In a container, where its own group is the root.
        write("memory.max", "1000000000\n");
        assert_eq!(limit("0::/../elsewhere\n"), Some(1_000_000_000));
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        write("memory/docker/1/memory.limit_in_bytes", "500000000\n");
        assert_eq!(limit("5:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n"), Some(500_000_000));
        assert_eq!(limit("5:cpu:/docker/1\nno group\n"), None);
    }
}
