//! What an object store that fails leaves behind: nothing.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use flip_runtime::AbortSignal;
use flip_runtime::services::{Call, ObjectStore, ServiceError};
use flip_wasm_tests::servers::s3::{BODIES, PATIENT, S3, SECRET, env, open, unavailable, uploads};
use flip_wasm_tests::servers::{Fault, Seen, aborted_after, call, call_of, logged, nobody, runtime};

#[test]
pub fn a_server_that_fails_leaves_nothing() {
    let s3 = S3::new();
    for (which, method, query) in
        BODIES.into_iter().chain([("large", "POST", "uploads"), ("large", "POST", "uploadId")])
    {
        for fault in
            [Fault::Status(500), Fault::Status(503), Fault::Status(403), Fault::Status(404), Fault::Cut]
        {
            s3.server.forget();
            s3.server.fail(move |seen| seen.is(method, query).then_some(fault));
            let text = unavailable(uploads(&s3.store, &call(), which));
            if let Fault::Status(status) = fault {
                assert!(text.contains(&status.to_string()), "{text}");
            }
            s3.server.fail(|_| None);
            s3.assert_nothing_left();
            let attempts = s3.server.seen().iter().filter(|seen| seen.is(method, query)).count();
            assert!((1..=8).contains(&attempts), "{which} {query} {fault:?}: {attempts}");
        }
    }
    assert!(!logged().contains(SECRET));
}

#[test]
fn a_server_that_fails_for_a_while_is_asked_again() {
    let s3 = S3::new();
    for (number, (which, method, query)) in BODIES.into_iter().enumerate() {
        for fault in [Fault::Status(500), Fault::Status(429), Fault::Cut] {
            let failed = AtomicU32::new(0);
            s3.server.fail(move |seen| {
                let fails = seen.is(method, query) && failed.fetch_add(1, Ordering::Relaxed) < 2;
                fails.then_some(fault)
            });
            uploads(&s3.store, &call(), which).unwrap_or_else(|error| panic!("{number} {fault:?}: {error}"));
            fs::remove_file(s3.object("k/key")).unwrap();
        }
    }
}

/// A call that ends when its request matches, and what the server does then.
fn ends_at(s3: &S3, matches: impl Fn(&Seen) -> bool + Send + Sync + 'static, fault: Fault) -> Call {
    let abort = AbortSignal::default();
    let signal = abort.clone();
    s3.server.fail(move |seen| {
        matches(seen).then(|| {
            signal.trigger();
            fault
        })
    });
    Call::new(Instant::now() + PATIENT, abort)
}

#[test]
pub fn a_call_that_ends_leaves_nothing() {
    let s3 = S3::new();
    let begin = ("large", "POST", "uploads");
    for (which, method, query) in
        BODIES.into_iter().chain([begin, ("large", "HEAD", ""), ("put", "HEAD", "")])
    {
        let call = ends_at(&s3, move |seen| seen.is(method, query), Fault::Stall);
        assert_eq!(uploads(&s3.store, &call, which), Err(ServiceError::Aborted), "{which} {query}");
        let call = call_of(Duration::from_millis(150));
        assert_eq!(uploads(&s3.store, &call, which), Err(ServiceError::TimedOut), "{which} {query}");
        s3.server.fail(|_| None);
        s3.assert_nothing_left();
    }
}

#[test]
fn a_part_is_on_its_way_while_the_next_is_made() {
    let s3 = S3::new();
    let abort = AbortSignal::default();
    let signal = abort.clone();
    s3.server.fail(move |seen| {
        if seen.is("PUT", "partNumber=2") {
            signal.trigger();
        }
        // The first never arrives: nobody who waited for it would send the second.
        seen.is("PUT", "partNumber=1").then_some(Fault::Stall)
    });
    let call = Call::new(Instant::now() + PATIENT, abort);
    assert_eq!(uploads(&s3.store, &call, "large"), Err(ServiceError::Aborted));
    s3.server.fail(|_| None);
    s3.assert_nothing_left();
}

#[test]
fn an_upload_that_begins_after_the_calls_end_is_aborted() {
    let s3 = S3::with(PATIENT);
    let late = Fault::Late(Duration::from_millis(200));
    let call = ends_at(&s3, |seen| seen.is("POST", "uploads"), late);
    assert_eq!(uploads(&s3.store, &call, "large"), Err(ServiceError::Aborted));
    assert!(s3.server.seen().iter().any(|seen| seen.is("DELETE", "uploadId")));
    s3.assert_nothing_left();
}

#[test]
fn parts_that_arrive_after_the_calls_end_do_not_stay() {
    let s3 = S3::with(PATIENT);
    let late = Fault::Late(Duration::from_millis(200));
    let call = ends_at(&s3, |seen| seen.is("PUT", "partNumber"), late);
    assert_eq!(uploads(&s3.store, &call, "large"), Err(ServiceError::Aborted));
    s3.assert_nothing_left();
}

#[test]
fn an_answer_that_got_lost_is_found_out() {
    let s3 = S3::with(PATIENT);
    for (which, method, query) in [("put", "PUT", ""), ("small", "PUT", ""), ("large", "POST", "uploadId")] {
        // The server did it; the client does not know. What it sends again meets its own object.
        for times in [1, 100] {
            let count = AtomicU32::new(0);
            s3.server.fail(move |seen| {
                let fails = seen.is(method, query) && count.fetch_add(1, Ordering::Relaxed) < times;
                fails.then_some(Fault::Unanswered)
            });
            assert_eq!(uploads(&s3.store, &call(), which), Ok(()), "{which} {times}");
            fs::remove_file(s3.object("k/key")).unwrap();
        }
        // The answer comes after the call's end.
        let late = Fault::Late(Duration::from_millis(200));
        let call = ends_at(&s3, move |seen| seen.is(method, query), late);
        assert_eq!(uploads(&s3.store, &call, which), Ok(()), "{which}");
        fs::remove_file(s3.object("k/key")).unwrap();
    }
}

#[test]
fn reading_fails_within_bounds() {
    let s3 = S3::new();
    s3.store.put(&call(), "k/key", b"0123456789".to_vec()).unwrap();
    for fault in [Fault::Status(500), Fault::Status(403), Fault::Cut] {
        s3.server.forget();
        s3.server.fail(move |_| Some(fault));
        unavailable(s3.store.get(&call(), "k/key", 0, 5).map(drop));
        unavailable(s3.store.head(&call(), "k/key").map(drop));
        assert!(s3.server.seen().len() <= 12, "{fault:?}: {}", s3.server.seen().len());
    }
    s3.server.fail(|_| Some(Fault::Stall));
    let short = Duration::from_millis(100);
    assert_eq!(s3.store.get(&call_of(short), "k/key", 0, 5), Err(ServiceError::TimedOut));
    assert_eq!(s3.store.head(&aborted_after(short), "k/key"), Err(ServiceError::Aborted));
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let runtime = runtime();
    let store = open("s3://bucket/prefix", env(&nobody()), &runtime).unwrap();
    for which in ["put", "small", "large"] {
        unavailable(uploads(&store, &call(), which));
    }
    assert!(!format!("{store:?}").contains(SECRET));
}

#[test]
pub fn a_wrong_key_is_refused_without_showing_it() {
    let s3 = S3::new();
    let mut env = env(&s3.server.address);
    env[1].1 = "another-s3cret".to_owned();
    env.push(("AWS_SESSION_TOKEN".to_owned(), "a-session-t0ken".to_owned()));
    let store = open("s3://bucket/prefix", env, &s3.runtime).unwrap();
    let text = unavailable(uploads(&store, &call(), "put"));
    assert!(text.contains("403"), "{text}");
    for secret in ["another-s3cret", "a-session-t0ken"] {
        assert!(!text.contains(secret) && !logged().contains(secret), "{secret}");
    }
    s3.assert_nothing_left();
}

#[test]
fn a_key_that_appears_during_an_upload_is_not_overwritten() {
    let s3 = S3::new();
    let object = s3.object("k/key");
    for (which, method, query) in [("put", "PUT", ""), ("large", "PUT", "partNumber=3")] {
        let theirs = object.clone();
        s3.server.fail(move |seen| {
            if seen.is(method, query) {
                fs::create_dir_all(theirs.parent().unwrap()).unwrap();
                fs::write(&theirs, "theirs").unwrap();
            }
            None
        });
        let result = uploads(&s3.store, &call(), which);
        assert!(matches!(result, Err(ServiceError::InvalidArgument(_))), "{which}: {result:?}");
        assert_eq!(fs::read(&object).unwrap(), b"theirs");
        fs::remove_file(&object).unwrap();
        s3.assert_nothing_left();
    }
}
