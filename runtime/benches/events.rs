//! One event to many handlers. `cargo xtask bench` runs it, beside `events.py`.
//!
//! `interested HANDLERS EVENTS` fires so many events at as many handlers, which accept every event and do nothing;
//! `uninterested HANDLERS EVENTS` at handlers that did not ask for these. Both print what it took.

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use flip_runtime::job::{AppConfig, Entry, Kind, Place, PlaceOptions};
use flip_runtime::{BUILTINS, FlContext, Policy, Runtime, Services, TracingLog};
use support::{Clock, Result, arguments};

/// Nobody's own event.
const EVENT: &str = "_an_event";

fn main() -> Result<()> {
    let arguments = arguments();
    let [way, handlers, events] = &arguments[..] else {
        println!("measured by: cargo xtask bench events");
        return Ok(());
    };
    let (handler, args) = match &**way {
        "interested" => ("client-event-handler", "{}"),
        "uninterested" => ("server-event-handler", r#"{"model_id": "11111111-2222-3333-4444-555555555555"}"#),
        other => return Err(format!("no way is called {other}").into()),
    };
    let (place, events) = (place(handler, args, handlers.parse()?)?, events.parse::<u64>()?);
    let context = Arc::new(FlContext::default());
    place.fire(EVENT, &context);
    let started = Clock::start();
    for _ in 0..events {
        place.fire(EVENT, &context);
    }
    let measured = started.stop();
    let failed = place.report().components.iter().any(|component| !component.failures.is_empty());
    match failed {
        true => Err("a handler failed".into()),
        false => {
            println!("{measured}");
            Ok(())
        }
    }
}

/// A place with so many handlers.
fn place(handler: &str, args: &str, number: usize) -> Result<Arc<Place>> {
    let builtin = BUILTINS.iter().find(|builtin| builtin.name == handler).ok_or("no such component")?;
    let entry = |index: usize| Entry {
        id: format!("handler-{index}"),
        at: format!("components[{index}]"),
        kind: Kind::Builtin(builtin),
        args: args.to_owned(),
    };
    let config = AppConfig {
        file: PathBuf::from("config_fed_server.json"),
        components: (0..number).map(entry).collect(),
        executors: Vec::new(),
        task_result_filters: Vec::new(),
        task_data_filters: Vec::new(),
        workflows: Vec::new(),
    };
    let options = PlaceOptions {
        name: "server".to_owned(),
        policy: Policy::default(),
        services: Services::default(),
        log: Arc::new(TracingLog),
        audit: None,
        measure_changes: false,
        job: PathBuf::new(),
        app: "app_server".to_owned(),
        checkpoints: None,
    };
    // Without a cache each entry of the configuration is compiled.
    let cache = tempfile::tempdir()?;
    let runtime = Runtime::builder().cache(cache.path()).build()?;
    Ok(Place::new(&runtime, &config, options)?)
}
