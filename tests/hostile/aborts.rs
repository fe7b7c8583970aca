//! Aborts at each moment, and a crowd that is aborted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use flip_runtime::{AbortSignal, FlContext, Level, Limits, LogSink};
use serde_json::json;

use super::files::granting;
use super::table::Ended;
use crate::{EVERYTHING, Site, context, misbehaving_within, on_go, update};

/// Triggers the abort at the line of this number.
struct AbortAt(AtomicUsize, AbortSignal);

impl LogSink for AbortAt {
    fn line(&self, _: &str, _: Level, _: &str) {
        if self.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.1.trigger();
        }
    }
}

/// Each errand is a host call and a line that says how it went: the signal comes after each in turn.
pub(super) fn abort_at_each_call(limits: Limits) -> Ended {
    let errands = vec![
        json!({"write": ["job", "a", "whole"]}),
        json!({"stage": ["job", "half", "never whole"]}),
        json!({"put": ["a", "whole"]}),
        json!({"put-archive": ["b", "images", ""]}),
        json!({"rename": ["job", "a", "job", "b"]}),
        json!({"write": ["job", "a", "whole"]}),
        json!({"remove": ["images", "1"]}),
        json!({"clear": "images"}),
        json!({"update-status": "id"}),
    ];
    for moment in 0..=errands.len() {
        let site = granting(EVERYTHING, limits.clone());
        for name in ["1", "2"] {
            site.write(&format!("images/{name}/scan"), "scan");
        }
        let abort = AbortSignal::default();
        let context = Arc::new(FlContext { abort: abort.clone(), ..(*context()).clone() });
        let component = crate::errand();
        let builder = component.instance().args(on_go(errands.clone())).limits(limits.clone());
        let builder = builder.grants(crate::granted(EVERYTHING)).services(site.services.clone());
        let mut runner = builder.log(Arc::new(AbortAt(moment.into(), abort.clone()))).build()?;
        if moment == 0 {
            abort.trigger();
        }
        runner.handle_event("go", &context)?;
        drop(runner);
        assert!(abort.is_triggered());
        assert_whole(&site, moment);
    }
    Ok("each moment".to_owned())
}

/// What is there is whole, and what came after the signal did not happen.
fn assert_whole(site: &Site, moment: usize) {
    let names = match moment {
        0 => &[][..],
        1..=4 => &["a"],
        5 => &["b"],
        _ => &["a", "b"],
    };
    assert_eq!(site.names("job"), names, "after call {moment}");
    for name in names {
        assert_eq!(site.read(&format!("job/{name}")), "whole");
    }
    let images = match moment {
        0..=6 => 2,
        7 => 1,
        _ => 0,
    };
    assert_eq!(site.names("images").len(), images, "after call {moment}");
    assert_eq!(site.store.calls().len(), moment.saturating_sub(2).min(2), "after call {moment}");
    assert_eq!(site.hub.requests().len(), usize::from(moment == 9), "after call {moment}");
}

pub(super) fn crowd(limits: Limits) -> Ended {
    let context = context();
    let ready = std::sync::Barrier::new(65);
    thread::scope(|scope| {
        let hostile: Vec<_> = (0..64)
            .map(|_| {
                let limits = limits.clone();
                let (context, ready) = (context.clone(), &ready);
                scope.spawn(move || {
                    ready.wait();
                    misbehaving_within(r#""loop""#, limits).filter(update(), &context).unwrap_err()
                })
            })
            .collect();
        ready.wait();
        super::footprint::benign();
        assert!(hostile.iter().any(|thread| !thread.is_finished()), "it came after them all");
        // Nobody waits for the time of the others.
        context.abort.trigger();
        for thread in hostile {
            let error = thread.join().unwrap();
            let ended = ["limit call-time reached", "the run is being aborted"];
            assert!(ended.iter().any(|text| error.to_string().contains(text)), "{error}");
        }
    });
    Ok("right".to_owned())
}
