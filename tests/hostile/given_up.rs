//! Calls whose time is up at one moment after the other, while a service works for them: what is left is whole, or
//! is not there. That a call may be given up at each point where it waits, `tests/cut_off.rs` tries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use flip_runtime::services::{Call, ObjectStore, ServiceError};
use flip_runtime::{AbortSignal, Error, Limits};
use serde_json::{Value, json};

use super::files::granting;
use super::table::Ended;
use crate::{EVERYTHING, Pace, Paced, on_go};

/// How many milliseconds a service takes for one call; in their middle it does what it is asked.
const STEPS: u32 = 6;

/// How many the calls have: the last one has enough.
const TIMES: [u64; 8] = [0, 1, 2, 4, 6, 8, 12, 60_000];

/// They look at the time as they go.
struct Steps {
    /// Whether they work until the call's time is up.
    endless: bool,
    /// Whether a call's time was up while they worked for it.
    stopped: AtomicBool,
}

impl Pace for Steps {
    fn begin(&self, call: &Call) -> Result<(), ServiceError> {
        for _ in 0..if self.endless { u32::MAX } else { STEPS / 2 } {
            call.check().inspect_err(|_| self.stopped.store(true, Ordering::SeqCst))?;
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn end(&self, call: &Call) -> Result<(), ServiceError> {
        self.begin(call)
    }
}

/// Asks for this with each of the times, and looks at what is there then: how often the hub was told, what the
/// object `key` holds.
fn each_time(errand: &Value, stored: Option<&str>, check: impl Fn(usize, Option<Bytes>)) -> Ended {
    for time in TIMES {
        once(errand, stored, time, false, &check)?;
    }
    // Whatever else this machine does, the time of one call is up while the service works for it.
    let mut at_work = false;
    for time in [200, 1_000, 5_000, 25_000] {
        at_work = at_work || once(errand, stored, time, true, &check)?;
    }
    assert!(at_work, "no call was given up while a service worked for it");
    Ok(format!("{} times", TIMES.len() + 1))
}

/// The same once, with so many milliseconds; the service may work until they are up. Whether it was given up at work.
fn once(
    errand: &Value,
    stored: Option<&str>,
    time: u64,
    endless: bool,
    check: &impl Fn(usize, Option<Bytes>),
) -> Result<bool, Error> {
    let mut site = granting(EVERYTHING, super::limits(&format!("call-time={time}ms")));
    site.write("job/a", "hello");
    let steps = Steps { endless, stopped: AtomicBool::default() };
    let slow = Arc::new(Paced::new(steps, site.store.clone()));
    let call = Call::new(std::time::Instant::now() + Duration::from_secs(600), AbortSignal::default());
    if let Some(stored) = stored {
        site.store.put(&call, "key", stored.into()).unwrap();
    }
    site.services.hub = Some(slow.clone());
    site.services.object_store = Some(slow.clone());
    let component = crate::errand();
    let builder = component.instance().args(on_go(vec![errand.clone()])).limits(site.limits.clone());
    let builder = builder.grants(crate::granted(EVERYTHING)).services(site.services.clone());
    let ended = builder.build().and_then(|mut runner| runner.handle_event("go", &site.context));
    match ended {
        Ok(()) => {}
        Err(Error::Limit { .. }) if time < 60_000 => {}
        Err(error) => return Err(error),
    }
    check(slow.sent(), site.store.get(&call, "key", 0, u32::MAX).ok());
    Ok(slow.pace().stopped.load(Ordering::SeqCst))
}

pub(super) fn archived(_: Limits) -> Ended {
    each_time(&json!({"put-archive": ["key", "job", ""]}), None, |_, object| {
        if let Some(object) = object {
            let mut zip = zip::ZipArchive::new(std::io::Cursor::new(object)).unwrap();
            assert!(zip.by_name("a").is_ok());
        }
    })
}

pub(super) fn told(_: Limits) -> Ended {
    each_time(&json!({"update-status": "id"}), None, |sent, _| assert!(sent <= 1, "it was told {sent} times"))
}

pub(super) fn put(_: Limits) -> Ended {
    each_time(&json!({"put": ["key", "whole"]}), None, |_, object| {
        assert!(object.is_none_or(|object| object == "whole"));
    })
}

pub(super) fn read(_: Limits) -> Ended {
    for errand in [json!({"get": ["key", 0, 9]}), json!({"head": "key"})] {
        each_time(&errand, Some("kept"), |_, object| assert_eq!(object.unwrap(), "kept"))?;
    }
    Ok("kept".to_owned())
}
