//! What WASI offers a component: no file, no environment, no arguments, no address.

use std::time::Duration;

use wasmtime_wasi::{HostWallClock, WasiCtx};

/// What WASI offers. It is made when it is first asked for: most components never do, and its random numbers are
/// the most that the host makes anew for an instance.
pub(super) struct Wasi {
    max_random: u64,
    /// How long after 1970 its wall clock stands still, if it does.
    clock: Option<Duration>,
    made: Option<WasiCtx>,
}

impl Wasi {
    /// With so many random bytes at a time at most.
    pub(super) fn new(max_random: u64) -> Self {
        Self { max_random, clock: None, made: None }
    }

    /// Stops its wall clock, so long after 1970.
    pub(super) fn stop_clock(&mut self, at: Duration) {
        self.clock = Some(at);
    }

    /// No file, no environment, no arguments, no address; standard streams lead nowhere.
    pub(super) fn ctx(&mut self) -> &mut WasiCtx {
        self.made.get_or_insert_with(|| {
            let mut builder = WasiCtx::builder();
            builder
                .max_random_size(self.max_random)
                .allow_tcp(false)
                .allow_udp(false)
                .allow_ip_name_lookup(false);
            if let Some(at) = self.clock {
                builder.wall_clock(Stopped(at));
            }
            builder.build()
        })
    }
}

/// A clock that always shows the same.
struct Stopped(Duration);

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}
