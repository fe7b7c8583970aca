//! What the benchmark programs share: a clock that sees memory too, and updates in safetensors files.
#![allow(dead_code, reason = "no program needs all of it")]

pub mod update;

use std::fs;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The arguments, without the flag that cargo bench adds.
pub fn arguments() -> Vec<String> {
    std::env::args().skip(1).filter(|arg| arg != "--bench").collect()
}

/// CPU and wall-clock time, and by how much the process grows meanwhile.
pub struct Clock {
    cpu: Duration,
    wall: Instant,
    resident: Option<u64>,
}

impl Clock {
    pub fn start() -> Self {
        // Lets the peak begin here.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self { resident: memory("VmRSS"), cpu: cpu(), wall: Instant::now() }
    }

    /// What `cargo xtask bench` reads of one measurement.
    pub fn stop(self) -> Value {
        let (cpu, wall) = (cpu() - self.cpu, self.wall.elapsed());
        let growth = memory("VmHWM").zip(self.resident).map(|(peak, before)| peak.saturating_sub(before));
        json!({"cpu": cpu.as_secs_f64(), "wall": wall.as_secs_f64(), "memory": growth})
    }
}

fn cpu() -> Duration {
    time_of(ClockId::ProcessCPUTime)
}

/// The CPU time of this thread so far.
pub fn cpu_of_thread() -> Duration {
    time_of(ClockId::ThreadCPUTime)
}

fn time_of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A figure of this process in bytes, where the system is Linux.
fn memory(name: &str) -> Option<u64> {
    figure(&fs::read_to_string("/proc/self/status").ok()?, name)
}

fn figure(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// The memory that this process holds, in bytes, counted page by page: `VmRSS` is off by some dozens.
pub fn resident() -> Option<u64> {
    figure(&fs::read_to_string("/proc/self/smaps_rollup").ok()?, "Rss")
}

/// The middle one.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
