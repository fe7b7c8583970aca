use std::sync::mpsc::channel;
use std::thread;

use proptest::prelude::*;

use super::queue::{CREDIT, LEASE};
use super::*;
use crate::engine::{TICK, compiler_only};
use crate::instance::Scope;
use crate::{AbortSignal, FlContext, Limits, Runtime};

const MS: Duration = Duration::from_millis(1);

/// One that has had so much.
fn turn(had: Duration) -> Arc<Turn> {
    turn_of(&Turns::new(&compiler_only().unwrap(), 1), had)
}

fn turn_of(turns: &Arc<Turns>, had: Duration) -> Arc<Turn> {
    let turn = Turn::new(turns.clone(), Had::default());
    turn.had.add(had);
    turn
}

/// Of a run that is not aborted.
fn never() -> Abortable {
    Abortable { signal: AbortSignal::default(), seen: Arc::default() }
}

fn ask(queue: &mut Queue, turn: &Arc<Turn>, now: Instant) -> Asked {
    queue.ask(turn, &never(), Waker::noop(), now)
}

fn is_over(queue: &mut Queue, turn: &Arc<Turn>, now: Instant) -> bool {
    queue.is_over(turn, &never(), now)
}

fn runs(queue: &Queue, turn: &Arc<Turn>) -> bool {
    queue.running.iter().any(|running| Arc::ptr_eq(&running.turn, turn))
}

/// A queue for so many cores, of which all are taken by turns that have had so much; and when that was.
fn taken(had: &[Duration]) -> (Queue, Vec<Arc<Turn>>, Instant) {
    let (mut queue, now) = (Queue::new(had.len()), Instant::now());
    let turns: Vec<_> = had.iter().map(|had| turn(*had)).collect();
    for turn in &turns {
        assert_eq!(ask(&mut queue, turn, now), Asked::Goes);
    }
    (queue, turns, now)
}

#[test]
fn one_that_has_had_less_interrupts_and_goes_on_until_it_has_had_as_much() {
    let (mut queue, hostile, now) = taken(&[500 * MS, 800 * MS]);
    let benign = turn(100 * MS);
    assert_eq!(ask(&mut queue, &benign, now), Asked::Interrupts);
    // Its future is polled again while it waits: that is no second place in the queue.
    assert_eq!(ask(&mut queue, &benign, now), Asked::Waits);
    assert!(is_over(&mut queue, &hostile[1], now));
    queue.leave(&hostile[1], now);
    assert_eq!(ask(&mut queue, &benign, now), Asked::Goes);
    assert_eq!(ask(&mut queue, &hostile[1], now), Asked::Waits);
    // The one that goes on beside it gives way to whoever waits; this one does not, up to where they are.
    assert!(is_over(&mut queue, &hostile[0], now + 350 * MS));
    assert!(!is_over(&mut queue, &benign, now + 700 * MS));
    assert!(is_over(&mut queue, &benign, now + 702 * MS));
}

#[test]
fn one_that_comes_is_at_most_a_second_behind() {
    let (mut queue, old, now) = taken(&[Duration::ZERO]);
    let later = now + 3_600_000 * MS;
    let new = turn(Duration::ZERO);
    assert_eq!(ask(&mut queue, &new, later), Asked::Interrupts);
    assert_eq!(new.had.get(), old[0].had.get() - CREDIT);
}

#[test]
fn instances_that_share_work_on_many_cores_were_never_caught_up_with() {
    let (mut queue, running, now) = taken(&[Duration::ZERO; 3]);
    for turn in &running[1..] {
        queue.leave(turn, now);
    }
    let shared = Had::default();
    let sharing = [0; 2].map(|_| Turn::new(running[0].turns.clone(), shared.clone()));
    for turn in &sharing {
        assert_eq!(ask(&mut queue, turn, now), Asked::Goes);
    }
    let later = now + 60_000 * MS;
    queue.count(later);
    assert_eq!(running[0].had.get(), 60_000 * MS);
    assert_eq!(shared.get(), 60_000 * MS + CREDIT);
}

#[test]
fn one_that_was_aborted_waited_for_all_that_had_had_less() {
    let (mut queue, running, now) = taken(&[100 * MS]);
    let (abort, aborted, next) = (never(), turn(900 * MS), turn(Duration::ZERO));
    assert_eq!(queue.ask(&aborted, &abort, Waker::noop(), now), Asked::Waits);
    assert!(!is_over(&mut queue, &running[0], now));
    abort.signal.trigger();
    let triggered = Instant::now();
    assert!(is_over(&mut queue, &running[0], triggered));
    ask(&mut queue, &next, triggered);
    queue.leave(&running[0], triggered);
    assert!(runs(&queue, &aborted));
    // Nobody interrupts it while it ends.
    assert!(!queue.is_over(&aborted, &abort, triggered));
    // What begins after that is under the same signal, but has no such right, until it must have ended and does nothing more.
    let later = triggered + 2 * CREDIT;
    let (late, handler) = (Abortable { signal: abort.signal, ..never() }, turn(2 * CREDIT));
    queue.leave(&aborted, later);
    assert!(runs(&queue, &next));
    assert_eq!(queue.ask(&handler, &late, Waker::noop(), later), Asked::Waits);
    assert!(!is_over(&mut queue, &next, later));
    late.seen.set(later).unwrap();
    assert!(!is_over(&mut queue, &next, later));
    assert!(is_over(&mut queue, &next, late.end().unwrap() + MS));
}

#[test]
fn one_that_came_back_from_another_component_had_had_nothing() {
    let (mut queue, running, now) = taken(&[Duration::ZERO]);
    let caller = turn(Duration::ZERO);
    let later = now + 150_000 * MS;
    queue.leave(&running[0], later);
    assert!(queue.begin(&caller, &never(), later));
    assert_eq!(caller.had.get(), running[0].had.get() - CREDIT);
}

#[test]
fn of_those_that_had_had_as_much_as_is_counted_one_kept_its_core() {
    let (mut queue, running, now) = taken(&[Duration::ZERO; 2]);
    running[0].had.add(60_000 * MS);
    let other = turn(60_000 * MS);
    // While somebody has had nothing, it is counted no further.
    assert_eq!(ask(&mut queue, &other, now), Asked::Waits);
    assert_eq!(other.had.get(), running[0].had.get());
    assert!(is_over(&mut queue, &running[0], now));
    assert!(!is_over(&mut queue, &running[1], now));
}

#[test]
fn between_two_calls_those_that_wait_took_the_core() {
    let (mut queue, running, now) = taken(&[500 * MS]);
    let (benign, other, late) = (turn(100 * MS), turn(450 * MS), turn(120 * MS));
    assert_eq!(ask(&mut queue, &benign, now), Asked::Interrupts);
    queue.leave(&running[0], now);
    assert_eq!(ask(&mut queue, &running[0], now), Asked::Waits);
    assert_eq!(ask(&mut queue, &other, now), Asked::Waits);
    // It goes before those that wait: its next call finds the core as it left it, and the time between is nobody's.
    queue.rest(&benign, now + MS);
    queue.end_leases(now + MS);
    assert!(!runs(&queue, &other) && benign.had.get() == 101 * MS);
    assert_eq!(ask(&mut queue, &benign, now + 4 * MS), Asked::Goes);
    assert!(!is_over(&mut queue, &benign, now + 5 * MS));
    assert_eq!(benign.had.get(), 102 * MS);
    // Whoever comes has the core at once, unless it has had more than those that wait.
    queue.rest(&benign, now + 5 * MS);
    assert_eq!(ask(&mut queue, &turn(600 * MS), now + 5 * MS), Asked::Waits);
    assert_eq!(ask(&mut queue, &late, now + 5 * MS), Asked::Goes);
    assert!(!runs(&queue, &benign));
    // They have it at the next tick after a while, whether it comes back or not.
    queue.rest(&late, now + 6 * MS);
    queue.end_leases(now + 6 * MS);
    assert!(runs(&queue, &late));
    queue.end_leases(now + 8 * MS);
    assert!(runs(&queue, &other));
    // Where it goes before none of them they have it at once, and so has one whose run is aborted.
    other.had.add(600 * MS);
    queue.rest(&other, now + 9 * MS);
    assert!(runs(&queue, &running[0]));
}

#[test]
fn one_that_was_aborted_waits_for_nobody_who_rests() {
    let (mut queue, running, now) = taken(&[100 * MS]);
    let (abort, aborted) = (never(), turn(900 * MS));
    assert_eq!(queue.ask(&aborted, &abort, Waker::noop(), now), Asked::Waits);
    abort.signal.trigger();
    queue.rest(&running[0], Instant::now());
    assert!(runs(&queue, &aborted));
}

#[test]
fn whoever_was_given_up_while_it_waited_is_passed_over() {
    let (mut queue, running, now) = taken(&[900 * MS]);
    let (gone, next) = (turn(Duration::ZERO), turn(MS));
    for turn in [&gone, &next] {
        ask(&mut queue, turn, now);
    }
    queue.leave(&gone, now);
    queue.leave(&running[0], now);
    assert!(runs(&queue, &next) && queue.waiting.is_empty());
    // And one that was given its turn and never took it passes it on.
    ask(&mut queue, &gone, now);
    queue.leave(&next, now);
    assert!(runs(&queue, &gone));
}

#[test]
fn one_that_is_in_the_host_for_long_keeps_nobody_waiting() {
    let (mut queue, running, now) = taken(&[Duration::ZERO]);
    let waits = turn(Duration::ZERO);
    ask(&mut queue, &waits, now);
    // In the component itself it is asked at each tick; where that takes long, it still runs.
    queue.end_leases(now + 2 * LEASE);
    assert!(runs(&queue, &running[0]));
    running[0].set_in_host(true);
    queue.end_leases(now + LEASE / 2);
    assert!(runs(&queue, &running[0]));
    queue.end_leases(now + LEASE);
    assert!(runs(&queue, &waits));
    running[0].set_in_host(false);
    // Back from there it is over, for now.
    assert!(is_over(&mut queue, &running[0], now + 2 * LEASE));
    queue.leave(&waits, now + 2 * LEASE);
    assert!(!is_over(&mut queue, &running[0], now + 2 * LEASE));
}

proptest! {
    #[test]
    fn no_core_is_idle_while_one_waits_and_nobody_is_there_twice(
        cores in 1_usize..4,
        steps in prop::collection::vec((0_usize..5, 0_usize..8, 0_u64..40), 0..200),
    ) {
        let (mut queue, mut now) = (Queue::new(cores), Instant::now());
        let turns = Turns::new(&compiler_only().unwrap(), 1);
        let turns: Vec<_> = (0..8).map(|_| turn_of(&turns, Duration::ZERO)).collect();
        for (step, who, time) in steps {
            now += MS * u32::try_from(time).unwrap();
            let turn = &turns[who];
            let waits = queue.waiting.iter().any(|waiting| Arc::ptr_eq(&waiting.turn, turn));
            match step {
                0 => drop(ask(&mut queue, turn, now)),
                1 => queue.leave(turn, now),
                2 if !waits => drop(is_over(&mut queue, turn, now)),
                3 if !waits && !runs(&queue, turn) => drop(queue.begin(turn, &never(), now)),
                _ => {
                    turn.set_in_host(true);
                    queue.end_leases(now);
                    turn.set_in_host(false);
                }
            }
            let there = queue.running.iter().map(|running| &running.turn);
            let there: Vec<_> = there.chain(queue.waiting.iter().map(|waiting| &waiting.turn)).collect();
            let mut once = there.clone();
            once.sort_by_key(|turn| Arc::as_ptr(turn));
            once.dedup_by_key(|turn| Arc::as_ptr(turn));
            prop_assert_eq!(once.len(), there.len());
            prop_assert!(queue.running.len() <= cores);
            prop_assert!(queue.waiting.is_empty() || queue.running.len() == cores);
        }
    }
}

/// Turns on one core, and one that has it. What waits for its time does that in a runtime of tokio's.
fn one_core() -> (tokio::runtime::Runtime, Arc<Turns>, Arc<Turn>) {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let turns = Turns::new(&compiler_only().unwrap(), 1);
    let first = turn_of(&turns, Duration::ZERO);
    assert_eq!(ask(&mut turns.queue(), &first, Instant::now()), Asked::Goes);
    (tokio, turns, first)
}

#[test]
fn whoever_calls_another_component_went_on_without_a_turn() {
    let (tokio, turns, caller) = one_core();
    let _tokio = tokio.enter();
    let other = turn_of(&turns, Duration::ZERO);
    let (started, waits) = channel();
    thread::scope(|scope| {
        let (other, back) = (&other, &caller);
        let work = || {
            scope.spawn(move || {
                let abort = never();
                pollster::block_on(other.call(&abort, async {
                    started.send(()).unwrap();
                    let until = Instant::now() + Duration::from_secs(60);
                    let waits =
                        |queue: &Queue| queue.waiting.iter().any(|there| Arc::ptr_eq(&there.turn, back));
                    while !waits(&other.turns.queue()) && Instant::now() < until {
                        thread::sleep(MS);
                    }
                    assert!(waits(&other.turns.queue()), "it went on");
                    assert!(!runs(&other.turns.queue(), back));
                }));
            });
            waits.recv().unwrap();
        };
        let until = Instant::now() + Duration::from_secs(600);
        caller.aside(&never(), until, work);
        assert!(runs(&turns.queue(), &caller));
    });
}

#[test]
fn whoever_waits_for_its_turn_ends_in_time_and_leaves_the_queue() {
    let (tokio, turns, holds) = one_core();
    let _tokio = tokio.enter();
    let waits = turn_of(&turns, 900 * MS);
    let until = Instant::now() + TICK;
    waits.aside(&never(), until, || ());
    assert!(Instant::now() >= until && turns.queue().waiting.is_empty());
    let abort = never();
    let mut call = pin!(waits.call(&abort, async { 7 }));
    let late = pollster::block_on(tokio::time::timeout(TICK, call.as_mut()));
    assert!(late.is_err() && turns.queue().waiting.len() == 1 && !waits.has_begun());
    // What a service has done meanwhile is noted, though nobody gives it a turn.
    waits.wind_up();
    assert_eq!(pollster::block_on(call), 7);
    assert!(waits.has_begun());
    assert!(runs(&turns.queue(), &holds) && turns.queue().waiting.is_empty());
}

/// A component whose start function does this.
fn starting(runtime: &Runtime, text: &str) -> crate::Component {
    let text = format!(
        "(component (core module $m (func $start (local $i i64) (loop $again {text})) (start $start))
        (core instance (instantiate $m)))"
    );
    runtime.load_bytes("starts", &wat::parse_str(text).unwrap()).unwrap()
}

/// How long it takes, and how long of that the component ran.
fn timed(component: &crate::Component) -> (Duration, Duration) {
    let had = Had::default();
    let builder = component.instance().had(had.clone());
    let started = Instant::now();
    assert!(builder.build().is_err(), "it exports nothing");
    (started.elapsed(), had.get())
}

/// Ends what loops, also where the test fails.
struct Ending(Arc<FlContext>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort.trigger();
    }
}

/// How busy the machine is with other things matters little: what is compared is how long the same call waits and how
/// long it runs. That it does not run beside more than there are cores for shows in how long that is: were all of them
/// at it at once, it would be some thirty times as long as alone.
#[test]
fn beside_64_that_loop_a_component_waits_no_longer_than_it_runs() {
    let runtime = Runtime::new().unwrap();
    let benign = "(local.set $i (i64.add (local.get $i) (i64.const 1)))
        (br_if $again (i64.lt_u (local.get $i) (i64.const 10000000)))";
    let benign = starting(&runtime, benign);
    let endless = starting(&runtime, "(br $again)");
    let alone = (0..5).map(|_| timed(&benign).1).min().unwrap();
    thread::scope(|scope| {
        let ending = Ending(Arc::default());
        let hostile: Vec<_> = (0..64).map(|_| Had::default()).collect();
        for had in &hostile {
            let limits = Limits { call_time: Duration::from_secs(600), ..Limits::default() };
            let builder = endless.instance().limits(limits).had(had.clone());
            let context = ending.0.clone();
            scope.spawn(move || builder.build_within(Scope::of(&context)));
        }
        // Those that came with it would be as good as it is, as far as anybody knows.
        let until = Instant::now() + Duration::from_secs(300);
        while hostile.iter().any(|had| had.get() < 10 * alone) {
            assert!(Instant::now() < until, "they do not loop");
            thread::sleep(TICK);
        }
        let times: Vec<_> = (0..10).map(|_| timed(&benign)).collect();
        let within_twice = |(took, ran): &(Duration, Duration)| *took <= 2 * *ran && *ran <= 8 * alone;
        assert!(times.iter().any(within_twice), "{alone:?} alone, then {times:?}");
    });
}
