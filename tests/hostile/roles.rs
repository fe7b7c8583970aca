//! Traps in each function of the roles that a component can play beside a filter of one call and a handler of events,
//! and where what it remembers is told and set.

use std::time::{Duration, Instant};

use flip_runtime::services::Caller;
use flip_runtime::{DataKind, Dxo, Error, Limits, Shareable};

use super::table::{Attack, CommandLine, Ended, Expected, covered, host};
use crate::{context, float32, misbehaving_phases, raw, runtime, update};

pub const ATTACKS: &[Attack] = &[
    host(
        "48",
        "a trap in each function of a model locator",
        |limits| each(&LOCATOR, limits),
        CommandLine::Test("cli/tests/hostile_traps.rs::a_model_locator_that_traps_is_called_no_more"),
        "",
        Expected::Trap("unreachable"),
    ),
    host(
        "48",
        "a trap in each function of a results persistor",
        |limits| each(&PERSISTOR, limits),
        CommandLine::Test("cli/tests/hostile_traps.rs::a_results_persistor_that_traps_is_called_no_more"),
        "",
        Expected::Trap("unreachable"),
    ),
    host(
        "48",
        "a trap in each function of a results generator",
        |limits| each(&GENERATOR, limits),
        CommandLine::Test("cli/tests/hostile_traps.rs::a_results_generator_that_traps_is_called_no_more"),
        "",
        Expected::Trap("unreachable"),
    ),
    host(
        "48",
        "a trap in the function of an executor",
        |limits| each(&EXECUTOR, limits),
        CommandLine::Test("cli/tests/hostile_traps.rs::an_executor_that_traps_is_called_no_more"),
        "",
        Expected::Trap("unreachable"),
    ),
    host(
        "48",
        "a trap where it tells what it remembers, and where that is set",
        |limits| each(&STATE, limits),
        CommandLine::Unreachable("it asks no component what it remembers, and sets it for none"),
        "",
        Expected::Trap("unreachable"),
    ),
    covered(
        "48",
        "a peer that traps, and the one that waits for its answer",
        "tests/peers.rs::a_peer_that_traps_is_unavailable_from_then_on",
        CommandLine::Test("cli/tests/hostile_traps.rs::a_peer_that_traps_is_unavailable_from_then_on"),
    ),
    host(
        "48",
        "a trap in each function of a filter that works in phases",
        in_phases,
        CommandLine::Test("cli/tests/hostile_traps.rs::a_filter_in_phases_that_traps_lets_nothing_out"),
        "",
        Expected::Trap("unreachable"),
    ),
];

/// The functions of each role, as the shell calls them.
pub const LOCATOR: [&str; 2] = ["model-names", "locate-model"];
pub const PERSISTOR: [&str; 3] = ["execute", "upload", "cleanup"];
pub const GENERATOR: [&str; 2] = ["evaluate", "all-failed"];
pub const EXECUTOR: [&str; 1] = ["carry-out"];
/// What tells and sets what it remembers.
const STATE: [&str; 2] = ["save", "restore"];
/// The deeds of a filter that traps as it begins, in a part, as it takes a report, and between two phases.
pub const PHASES: [&str; 4] = ["panic-in-begin", "panic", "panic-in-report", "panic-in-next"];

/// A component that plays the four roles; each `(;name;)` in it is a place.
const SHELL: &str = include_str!("wat/roles.wat");

/// It, and it traps in this function.
pub fn trapping(function: &str) -> Vec<u8> {
    let marker = format!("(;{function};)");
    assert!(SHELL.contains(&marker), "the shell has no place {function}");
    wat::parse_str(SHELL.replace(&marker, "unreachable")).unwrap()
}

/// Whoever trapped is not entered again; the last of them is how it ended.
fn each(functions: &[&str], limits: Limits) -> Ended {
    let mut last = Ok(String::new());
    for function in functions {
        let component = runtime().load_bytes("hostile", &trapping(function))?;
        let mut instance = component.instance().limits(limits.clone()).build()?;
        let context = context();
        let deadline = Instant::now() + Duration::from_secs(60);
        let caller = Caller { id: "engine", context: &context, deadline };
        let mut call = |function: &str| match function {
            "model-names" => instance.model_names(&context).map(drop),
            "locate-model" => instance.locate_model(Some("a"), &context).map(drop),
            "execute" => instance.persist(caller),
            "upload" => instance.upload_results(caller),
            "cleanup" => instance.clean_up(caller),
            "evaluate" => instance.handle_evaluation_event("a", caller),
            "carry-out" => instance.execute("a", Shareable::ok(update()), &context).map(drop),
            "save" => instance.state().map(drop),
            "restore" => instance.set_state(&raw("{}")),
            _ => instance.all_tasks_failed(caller).map(drop),
        };
        // What comes before it goes well.
        let others = functions.iter().filter(|other| *other != function);
        others.clone().for_each(|other| call(other).unwrap_or_else(|error| panic!("{other}: {error}")));
        last = call(function).map(|()| format!("{function} returned"));
        assert!(
            matches!(&last, Err(Error::Trapped { component, .. }) if component == "hostile"),
            "{function}: {last:?}"
        );
        for function in functions {
            let again = call(function);
            assert!(matches!(again, Err(Error::Poisoned { .. })), "{function}: {again:?}");
        }
    }
    last
}

/// Two tensors of so many elements, all ones.
pub fn ones(elements: u64) -> Dxo {
    let ones = |name: &str| (name.to_owned(), float32(&[elements], &vec![1.0; elements as usize]));
    Dxo::of_tensors(DataKind::Weights, [ones("a"), ones("b")]).unwrap()
}

/// Two instances share the work; whatever was written before, the update that was given is as it was.
fn in_phases(limits: Limits) -> Ended {
    let mut last = Ok(String::new());
    for deed in PHASES {
        let args = format!(r#"{{"deed": "{deed}"}}"#);
        let builder = misbehaving_phases().instance().args(args).limits(limits.clone());
        let mut filter = builder.share(2, 1 << 18).build()?;
        let given = ones(1 << 17);
        last = filter.filter(given.clone(), &context()).map(|_| format!("{deed} returned"));
        assert!(
            matches!(&last, Err(Error::Trapped { component, .. }) if component == "MisbehavingPhases"),
            "{deed}: {last:?}"
        );
        crate::assert_same(&given, &ones(1 << 17));
        let again = filter.filter(given, &context());
        assert!(matches!(again, Err(Error::Poisoned { .. })), "{deed}: {again:?}");
    }
    last
}
