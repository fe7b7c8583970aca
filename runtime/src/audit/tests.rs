//! A trail is noticed to be altered, wherever and however.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::error::Error;
use crate::inspect::Digest;

/// A file in memory, which may be full.
#[derive(Clone, Default)]
struct Sink {
    bytes: Arc<Mutex<Vec<u8>>>,
    full_at: Option<usize>,
}

impl Write for Sink {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        let mut bytes = self.bytes.lock().unwrap();
        if self.full_at.is_some_and(|full| bytes.len() + more.len() > full) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }
}

fn component() -> ComponentEntry {
    ComponentEntry {
        place: "site-1".to_owned(),
        id: "reader".to_owned(),
        name: "Reader".to_owned(),
        sha256: Digest::of(b"component"),
        pinned: true,
        grants: vec![r#"directories = { job = "read" }"#.to_owned()],
        limits: Default::default(),
    }
}

fn call(function: Function, touched: &str) -> CallEntry {
    CallEntry {
        place: "site-1".to_owned(),
        component: "reader".to_owned(),
        interface: function.interface(),
        function,
        touched: touched.to_owned(),
        to: None,
        calls: 1,
        read: 10,
        written: 0,
        deleted: None,
        sha256: None,
        outcome: Outcome::Ok,
    }
}

fn start() -> Start {
    Start { job_id: Some("job-1".to_owned()), ..Start::new(RunKind::Job) }
}

#[test]
fn what_was_deleted_was_lost_where_the_process_was_killed() {
    let sink = Sink::default();
    let trail = AuditTrail::to(sink.clone(), start()).unwrap();
    let account = trail.component(component(), 1 << 20).unwrap();
    let told = |path: &str| String::from_utf8(sink.bytes()).unwrap().contains(path);
    trail.call(account, call(Function::Read, "job/read"), b"").unwrap();
    assert!(!told("job/read"), "it waits for others like it");
    let deleted = Some(DeletedEntry { files: 1, directories: 0, bytes: 5 });
    trail.call(account, CallEntry { deleted, ..call(Function::Remove, "job/deleted") }, b"").unwrap();
    assert!(told("job/read") && told("job/deleted"));
}

/// A trail with a line of each kind.
fn trail() -> Vec<u8> {
    let sink = Sink::default();
    let trail = AuditTrail::to(sink.clone(), start()).unwrap();
    let account = trail.component(component(), u64::MAX).unwrap();
    trail.data_in(DataEntry::of("site-1", "train", None).unwrap()).unwrap();
    for name in ["a", "a", "a", "b"] {
        trail.call(account, call(Function::Read, name), name.as_bytes()).unwrap();
    }
    trail.data_out(DataEntry::refused("site-1", "train", crate::Code::Refused)).unwrap();
    let digest = trail.finish(Some(crate::Code::Refused)).unwrap();
    let bytes = sink.bytes();
    assert_eq!(check(&*bytes).unwrap().digest, digest);
    bytes
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[track_caller]
fn wrong(bytes: &[u8]) -> (u64, Wrong) {
    let Altered { line, what } = check(bytes).unwrap_err();
    (line, what)
}

#[test]
fn a_trail_says_what_was_written() {
    let checked = check(&*trail()).unwrap();
    assert_eq!((checked.entries, checked.components.len(), checked.data.len()), (7, 1, 2));
    let CallCount { calls, read, .. } = checked.calls[0];
    assert_eq!((checked.calls.len(), calls, read), (1, 4, 40));
    assert_eq!(checked.failure, Some(crate::Code::Refused));
    let first = String::from_utf8(lines(&trail()).remove(0)).unwrap();
    assert!(first.contains(&format!(r#""previous":"{}""#, Digest::of(b""))), "{first}");
}

#[test]
fn the_same_call_again_is_counted_in_one_line() {
    let text = String::from_utf8(trail()).unwrap();
    let calls: Vec<_> = text.lines().filter(|line| line.contains(r#""entry":"call""#)).collect();
    assert_eq!(calls.len(), 2);
    assert!(calls[0].contains(r#""touched":"a","calls":3,"read":30"#), "{}", calls[0]);
}

#[test]
fn what_was_read_had_no_digest() {
    let text = String::from_utf8(trail()).unwrap();
    let calls: Vec<_> = text.lines().filter(|line| line.contains(r#""entry":"call""#)).collect();
    for (call, read) in calls.iter().zip([&b"aaa"[..], b"b"]) {
        assert!(call.contains(&format!(r#""sha256":"{}""#, Digest::of(read))), "{call}");
    }
}

#[test]
fn a_line_that_is_removed_swapped_repeated_or_added_is_noticed() {
    let whole = lines(&trail());
    let last = whole.len() - 1;
    for at in 0..whole.len() {
        let mut removed = whole.clone();
        removed.remove(at);
        let (line, what) = wrong(&removed.concat());
        assert_eq!(line, at as u64 + 1);
        assert!(matches!(what, Wrong::Number { .. }) == (at < last), "{what:?}");

        let mut repeated = whole.clone();
        repeated.insert(at, whole[at].clone());
        assert_eq!(wrong(&repeated.concat()).0, at as u64 + 2);

        if at < last {
            let mut swapped = whole.clone();
            swapped.swap(at, at + 1);
            assert_eq!(wrong(&swapped.concat()).0, at as u64 + 1);
        }
    }
    for more in [&b"\n"[..], b"x", b"{}\n"] {
        let (line, what) = wrong(&[&whole.concat(), more].concat());
        assert_eq!(line, last as u64 + 2);
        assert!(matches!(what, Wrong::Behind | Wrong::Cut), "{what:?}");
    }
}

#[test]
fn a_trail_that_is_cut_anywhere_is_noticed() {
    let whole = trail();
    for len in 0..whole.len() {
        let complete = whole[..len].iter().filter(|byte| **byte == b'\n').count() as u64;
        let (line, what) = wrong(&whole[..len]);
        assert_eq!(line, complete + 1);
        assert!(matches!(what, Wrong::Missing | Wrong::Cut), "{what:?}");
    }
}

#[test]
fn a_trail_without_its_end_is_noticed_also_where_the_count_is_made_to_fit() {
    // A chain made anew from fewer lines is a trail: it is the digest that tells the two apart.
    let sink = Sink::default();
    let forged = AuditTrail::to(sink.clone(), start()).unwrap();
    let digest = forged.finish(None).unwrap();
    assert_eq!(check(&*sink.bytes()).unwrap().digest, digest);
    assert_ne!(check(&*trail()).unwrap().digest, digest);
    // An end that is moved up does not fit into the chain.
    let whole = lines(&trail());
    assert_eq!(wrong(&[whole[0].clone(), whole[6].clone()].concat()).0, 2);
}

#[test]
fn lines_that_nobody_writes_are_noticed() {
    let long = vec![b'x'; (1 << 20) + 10];
    assert!(matches!(wrong(&long), (1, Wrong::Long)));
    assert!(matches!(wrong(b"\xff\n"), (1, Wrong::Invalid(_))));
    assert!(matches!(wrong("[".repeat(10_000).as_bytes()), (1, Wrong::Cut)));
    assert!(matches!(wrong(format!("{}\n", "[".repeat(10_000)).as_bytes()), (1, Wrong::Invalid(_))));
    let spaced = String::from_utf8(trail()).unwrap().replacen("\"seq\":0", "\"seq\": 0", 1);
    assert!(matches!(wrong(spaced.as_bytes()), (1, Wrong::Rewritten)));
    let second_start = lines(&trail())[1..].concat();
    assert!(matches!(wrong(&second_start), (1, Wrong::Number { found: 1, expected: 0 })));
}

proptest! {
    #[test]
    fn any_byte_that_is_changed_is_noticed(at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = trail();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        prop_assert!(check(&*bytes).is_err());
    }

    #[test]
    fn nothing_makes_the_reader_panic(bytes: Vec<u8>) {
        prop_assert!(check(&*bytes).is_err());
    }
}

#[test]
fn every_single_bit_counts() {
    let whole = trail();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            assert!(check(&*bytes).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_flood_of_calls_was_only_counted_beyond_some_thousand() {
    let sink = Sink::default();
    let trail = AuditTrail::to(sink.clone(), start()).unwrap();
    let account = trail.component(component(), 1 << 20).unwrap();
    let mut made = 0;
    while trail.room(account).is_ok() {
        trail.call(account, call(Function::Remove, &format!("job/{made}")), b"").unwrap();
        made += 1;
    }
    let reached = trail.room(account).unwrap_err();
    assert_eq!(reached.to_string(), "limit audit-bytes reached: 1.0 MiB allowed");
    // Nobody else's room is any smaller.
    assert!(trail.room(trail.component(component(), 1 << 20).unwrap()).is_ok());
    trail.finish(None).unwrap();
    let checked = check(&*sink.bytes()).unwrap();
    assert!(made > 2_000, "{made}");
    assert_eq!((checked.calls.len(), checked.calls[0].calls), (1, made));
    assert!(trail.used(account) + 512 >= 1 << 20 && sink.bytes().len() < (1 << 20) + 4_096);
}

#[test]
fn a_trail_that_cannot_be_written_says_so_from_then_on() {
    let whole = trail().len();
    for full_at in (0..whole).step_by(97) {
        let sink = Sink { full_at: Some(full_at), ..Sink::default() };
        let ended = AuditTrail::to(sink.clone(), start()).and_then(|trail| {
            let account = trail.component(component(), u64::MAX);
            let noted = account.and_then(|account| {
                trail.call(account, call(Function::Read, "a"), b"")?;
                trail.data_in(DataEntry::of("site-1", "train", None).unwrap())
            });
            if noted.is_err() {
                assert!(matches!(trail.check(), Err(Error::Audit(_))));
                assert!(trail.data_out(DataEntry::of("site-1", "train", None).unwrap()).is_err());
            }
            trail.finish(None)
        });
        if ended.is_err() {
            assert!(check(&*sink.bytes()).is_err(), "{full_at}");
        }
    }
}

#[test]
fn nothing_is_written_after_the_end_and_no_file_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let trail = AuditTrail::create(&path, start()).unwrap();
    trail.finish(None).unwrap();
    assert!(trail.finish(None).is_err() && trail.component(component(), u64::MAX).is_err());
    let before = std::fs::read(&path).unwrap();
    let again = AuditTrail::create(&path, start()).unwrap_err();
    assert!(again.to_string().contains("never overwritten"), "{again}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_digest_is_that_of_names_dtypes_shapes_and_bytes() {
    use crate::{DataKind, Dtype, Dxo, Tensor};
    let dxo = |name: &str, shape: &[u64], bytes: &[u8]| {
        let tensor = Tensor::new(Dtype::Uint8, shape, bytes.to_vec()).unwrap();
        Dxo::of_tensors(DataKind::Weights, [(name.to_owned(), tensor)]).unwrap()
    };
    let mut by_hand = 1_u64.to_le_bytes().to_vec();
    for text in [&b"w"[..], b"uint8"] {
        by_hand.extend((text.len() as u64).to_le_bytes());
        by_hand.extend(text);
    }
    for number in [2_u64, 2, 3, 6] {
        by_hand.extend(number.to_le_bytes());
    }
    by_hand.extend(b"abcdef");
    let of = |dxo: &Dxo| digest(dxo).unwrap();
    assert_eq!(of(&dxo("w", &[2, 3], b"abcdef")), Some(Digest::of(&by_hand)));
    let others = [dxo("v", &[2, 3], b"abcdef"), dxo("w", &[3, 2], b"abcdef"), dxo("w", &[2, 3], b"abcdeg")];
    assert!(others.iter().all(|other| of(other) != Some(Digest::of(&by_hand))));
    assert_eq!(of(&Dxo::new(DataKind::Metrics)), None);
}

#[test]
fn a_digest_of_texts_is_that_of_headers_properties_and_values() {
    use crate::{DataKind, Dxo, Json, Shareable};
    let number = |number: u64| number.to_le_bytes().to_vec();
    let text = |text: &str| [number(text.len() as u64), text.as_bytes().to_vec()].concat();
    let mut member = Dxo::new(DataKind::Metrics);
    member.set_values(Json::parse(r#"{"loss": NaN}"#).unwrap());
    let mut dxo = Dxo::of_members([("site-1".to_owned(), member)]);
    assert_eq!(text_digest(&Dxo::new(DataKind::Weights)).unwrap(), None);
    dxo.set_meta("rounds", &3).unwrap();
    let of_dxo = [
        text("COLLECTION"),
        number(1),
        text("rounds"),
        text("3"),
        number(1),
        text("site-1"),
        text("METRICS"),
        number(0),
        text(r#"{"loss": NaN}"#),
    ]
    .concat();
    assert_eq!(text_digest(&dxo).unwrap(), Some(Digest::of(&of_dxo)));
    let mut shareable = Shareable::ok(dxo);
    shareable.headers.insert("task".to_owned(), Json::of("train").unwrap());
    let of_shareable = [text("OK"), number(1), text("task"), text(r#""train""#), of_dxo].concat();
    assert_eq!(text_digest(&shareable).unwrap(), Some(Digest::of(&of_shareable)));
    let entry = DataEntry::of("site-1", "train", &shareable).unwrap();
    assert_eq!((entry.text_sha256, entry.sha256), (Some(Digest::of(&of_shareable)), None));
    assert!(entry.text_bytes > DataEntry::of("site-1", "train", shareable.dxo.as_ref()).unwrap().text_bytes);
}

#[test]
fn collections_that_differ_in_who_is_a_member_of_whom_had_the_same_digest() {
    use crate::{DataKind, Dtype, Dxo, Tensor};
    let tensor = || Tensor::new(Dtype::Uint8, &[1], vec![7]).unwrap();
    let weights = || Dxo::of_tensors(DataKind::Weights, [("w".to_owned(), tensor())]).unwrap();
    let mut metrics = Dxo::new(DataKind::Metrics);
    metrics.set_values(crate::Json::of("v").unwrap());
    let members = |members: Vec<(&str, Dxo)>| {
        Dxo::of_members(members.into_iter().map(|(name, member)| (name.to_owned(), member)))
    };
    for leaf in [weights(), metrics] {
        let flat = members(vec![("a", members(vec![])), ("b", leaf.clone())]);
        let nested = members(vec![("a", members(vec![("b", leaf)]))]);
        let digests = |dxo: &Dxo| (digest(dxo).unwrap(), text_digest(dxo).unwrap());
        let (flat, nested) = (digests(&flat), digests(&nested));
        assert!(flat.0.is_none() || flat.0 != nested.0);
        assert!(flat.1.is_none() || flat.1 != nested.1);
    }
}

#[test]
fn what_an_event_carries_was_in_no_trail() {
    use std::sync::Arc;

    use crate::{Json, ReturnCode, Shareable};
    let sink = Sink::default();
    let trail = AuditTrail::to(sink.clone(), start()).unwrap();
    let props = [("secret".to_owned(), Json::of("who").unwrap())].into();
    let reply = Shareable { return_code: ReturnCode::Ok, headers: Default::default(), dxo: None };
    let shareables = [("reply".to_owned(), Arc::new(reply))].into();
    trail.event_comes_in("server", "go", &props, &shareables).unwrap();
    trail.finish(None).unwrap();
    let checked = check(&*sink.bytes()).unwrap();
    let digests: Vec<_> = checked.data.iter().map(|seen| seen.data.text_sha256).collect();
    assert_eq!(digests, [text_digest(Carried::Props(&props)).unwrap(), None]);
    assert!(digests[0].is_some() && !String::from_utf8(sink.bytes()).unwrap().contains("who"));
}

#[test]
fn a_trail_that_goes_nowhere_made_digests_that_nobody_read() {
    use crate::{DataKind, Dtype, Dxo, Tensor};
    let tensor = Tensor::new(Dtype::Uint8, &[3], b"abc".to_vec()).unwrap();
    let dxo = Dxo::of_tensors(DataKind::Weights, [("w".to_owned(), tensor)]).unwrap();
    let of = |trail: AuditTrail| {
        let trail = trail.keeping();
        trail.comes_in("site-1", "train", Some(&dxo)).unwrap();
        let Entry::In(data) = trail.kept().lines().to_vec().remove(1).entry else {
            panic!("no data came in")
        };
        assert_eq!((data.tensors, data.bytes), (1, 3));
        assert_eq!(data.text_sha256, None);
        data.sha256
    };
    assert_eq!(of(AuditTrail::to(io::sink(), start()).unwrap()), None);
    assert_eq!(of(AuditTrail::to(Sink::default(), start()).unwrap()), digest(&dxo).unwrap());
}
