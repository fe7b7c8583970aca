//! The errand runner on the host that component authors test on.

use std::sync::Arc;

use flip_runtime::testing::TestHost;
use flip_runtime::{FlContext, Level};
use serde_json::Value;

use crate::{context, errand, on_go, runtime};

/// A host that grants these lines of a policy.
///
/// # Panics
///
/// Where they are no lines of a policy.
#[track_caller]
pub fn test_host(policy: &str) -> TestHost {
    TestHost::new(&runtime()).unwrap().granting(policy).unwrap()
}

/// What a new runner on this host is told of each of these errands.
///
/// # Panics
///
/// Where the call into the runner fails.
#[track_caller]
pub fn told(host: &TestHost, errands: impl Into<Value>) -> Vec<String> {
    told_in(host, &context(), errands)
}

/// The same in this context.
///
/// # Panics
///
/// As [`told`].
#[track_caller]
pub fn told_in(host: &TestHost, context: &Arc<FlContext>, errands: impl Into<Value>) -> Vec<String> {
    let before = host.log().len();
    let mut runner = host.instance(&errand()).args(on_go(errands)).build().unwrap();
    runner.handle_event("go", context).unwrap();
    let lines = host.log().into_iter().skip(before);
    lines.filter(|(level, _)| *level == Level::Info).map(|(_, line)| line).collect()
}

/// What components on this host asked for, as it reads.
pub fn calls(host: &TestHost) -> Vec<String> {
    host.calls().iter().map(ToString::to_string).collect()
}
