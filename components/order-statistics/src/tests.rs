//! Selection against plain sorting.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::convert::Infallible;

use proptest::prelude::*;

use crate::bracket::Bracket;
use crate::look::{Kind, Look};
use crate::select::{capacity, run};
use crate::{Key, Keys, Selected, Selection, Step, select};

const CAPACITY: usize = capacity::<u32>();

/// Keys in memory, shown in odd chunks, with a sample that need not be theirs.
struct Shown<K> {
    keys: Vec<K>,
    sample: Vec<K>,
    chunk: usize,
    scans: u32,
}

impl<K: Key> Keys<K> for Shown<K> {
    type Error = Infallible;

    fn len(&self) -> u64 {
        self.keys.len() as u64
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[K])) -> Result<(), Infallible> {
        self.scans += 1;
        self.keys.chunks(self.chunk).for_each(visit);
        Ok(())
    }

    fn sample(&mut self, _: usize, visit: &mut dyn FnMut(&[K])) -> Result<(), Infallible> {
        self.sample.chunks(16).for_each(visit);
        Ok(())
    }
}

/// The part after the sample, which is exact for any bracket and any capacity.
fn select_in<K: Key>(
    source: &mut Shown<K>,
    bracket: Bracket<K>,
    lower: u64,
    upper: u64,
    capacity: usize,
) -> Result<Option<Selected<K>>, Infallible> {
    let mut selection = Selection::within(bracket, source.len(), [lower, upper], capacity);
    selection.take(Look(Kind::Survey(bracket)).at(source, capacity)?);
    run(selection, source, capacity)
}

/// The same by parts, each seen by somebody else.
fn select_in_parts<K: Key>(
    keys: &[K],
    part: usize,
    lower: u64,
    upper: u64,
    room: usize,
) -> Option<Selected<K>> {
    let mut selection = Selection::new(keys.len() as u64, lower, upper);
    loop {
        let look = match selection.next() {
            Step::Look(look) => postcard::to_allocvec(&look).unwrap(),
            Step::Done(selected) => return selected,
        };
        for part in keys.chunks(part).rev() {
            let sample = part.iter().copied().step_by(3).collect();
            let mut source = Shown { keys: part.to_vec(), sample, chunk: 7, scans: 0 };
            let look: Look<K> = postcard::from_bytes(&look).unwrap();
            let seen = postcard::to_allocvec(&look.at(&mut source, room).unwrap()).unwrap();
            selection.take(postcard::from_bytes(&seen).unwrap());
        }
    }
}

fn check<K: Key>(
    keys: Vec<K>,
    sample: Vec<K>,
    chunk: usize,
    rank: usize,
    gap: usize,
    capacity: usize,
) -> u32 {
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    let upper = (rank + gap).min(keys.len() - 1);
    let wanted =
        Selected { lower: sorted[rank], upper: sorted[upper], min: sorted[0], max: sorted[keys.len() - 1] };
    let mut source = Shown { keys, sample, chunk, scans: 0 };
    let n = source.len();
    // Small sources would not be sampled: the bracket is set by hand.
    let mut sample = source.sample.clone();
    let ends: Vec<usize> = (1..=sample.len()).collect();
    let bracket = Bracket::of_sample(&mut sample, &ends, n, [rank as u64, upper as u64], CAPACITY);
    let found = select_in(&mut source, bracket, rank as u64, upper as u64, capacity).unwrap();
    let scans = source.scans;
    assert_eq!(found, Some(wanted));
    assert_eq!(select(&mut source, rank as u64, upper as u64).unwrap(), Some(wanted));
    scans
}

/// Data that has broken selections before.
fn adversarial<K: Key + Arbitrary + 'static>() -> impl Strategy<Value = Vec<K>> {
    let n = 1..600usize;
    let few = prop::collection::vec(any::<K>(), 1..3);
    prop_oneof![
        prop::collection::vec(any::<K>(), 1..600),
        prop::collection::vec(any::<K>(), 1..2),
        (few, prop::collection::vec(any::<bool>(), n.clone())).prop_map(|(few, pick)| {
            pick.iter().map(|&p| if p { few[0] } else { few[few.len() - 1] }).collect()
        }),
        n.clone().prop_map(|n| (0..n as u64).map(K::from_u64).collect()),
        n.clone().prop_map(|n| (0..n as u64).rev().map(K::from_u64).collect()),
        n.clone().prop_map(|n| vec![K::MAX; n]),
        n.prop_map(|n| (0..n as u64).map(|i| if i % 10 == 0 { K::from_u64(i) } else { K::MIN }).collect()),
    ]
}

fn agrees<K: Key + Arbitrary + 'static>() -> Result<(), TestCaseError> {
    let mut runner = proptest::test_runner::TestRunner::default();
    let input = (
        adversarial::<K>(),
        prop_oneof![Just(None), adversarial::<K>().prop_map(Some)],
        (1..200usize, any::<prop::sample::Index>(), 0..3usize, prop_oneof![Just(4usize), Just(1 << 18)]),
    );
    runner
        .run(&input, |(keys, lie, (chunk, rank, gap, capacity))| {
            let rank = rank.index(keys.len());
            let sample = lie.unwrap_or_else(|| keys.iter().copied().step_by(3).collect());
            let upper = (rank + gap).min(keys.len() - 1) as u64;
            let part = chunk.max(keys.len() / 3);
            let in_parts = select_in_parts(&keys, part, rank as u64, upper, capacity);
            let mut whole = Shown { keys: keys.clone(), sample: vec![], chunk, scans: 0 };
            prop_assert_eq!(in_parts, select(&mut whole, rank as u64, upper).unwrap());
            check(keys, sample, chunk, rank, gap, capacity);
            Ok(())
        })
        .map_err(|error| TestCaseError::fail(error.to_string()))
}

#[test]
fn u16_agrees_with_sorting() {
    agrees::<u16>().unwrap();
}

#[test]
fn u32_agrees_with_sorting() {
    agrees::<u32>().unwrap();
}

#[test]
fn u64_agrees_with_sorting() {
    agrees::<u64>().unwrap();
}

#[test]
fn a_large_source_needs_one_scan() {
    let keys: Vec<u32> = (0..300_000u32).map(|i| i.wrapping_mul(0x9E37_79B9)).collect();
    let sample = keys.iter().copied().step_by(64).collect();
    assert_eq!(check(keys, sample, 4096, 285_000, 1, CAPACITY), 1);
}

#[test]
fn ties_need_one_scan() {
    let mostly_zero: Vec<u32> = (0..300_000u32).map(|i| if i % 10 == 0 { i } else { 0 }).collect();
    let sample = mostly_zero.iter().copied().step_by(63).collect();
    assert_eq!(check(mostly_zero, sample, 4096, 150_000, 1, CAPACITY), 1);
    assert_eq!(check(vec![7u64; 300_000], vec![7; 4000], 4096, 150_000, 1, CAPACITY), 1);
    assert_eq!(check(vec![u32::MAX; 300_000], vec![u32::MAX; 4000], 4096, 299_999, 0, CAPACITY), 1);
}

#[test]
fn a_lie_costs_a_scan_for_each_16_bits() {
    let keys: Vec<u64> = (0..100_000u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    assert!(check(keys, vec![0; 5000], 4096, 50_000, 1, CAPACITY) <= 1 + 4);
}

#[test]
fn a_large_source_in_parts() {
    let keys: Vec<u32> = (0..300_000_u32).map(|i| i.wrapping_mul(0x9E37_79B9)).collect();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    // Room for all that is near the wanted keys, and for next to nothing of it.
    for room in [CAPACITY, 10] {
        let found = select_in_parts(&keys, 70_001, 285_000, 285_001, room).unwrap();
        assert_eq!((found.lower, found.upper), (sorted[285_000], sorted[285_001]));
        assert_eq!((found.min, found.max), (sorted[0], sorted[299_999]));
    }
}

#[test]
fn what_was_seen_in_another_step_ends_the_search_in_vain() {
    let mut source = Shown::<u32> { keys: vec![1, 2], sample: vec![], chunk: 1, scans: 0 };
    let mut selection = Selection::new(2, 0, 1);
    let Step::Look(survey) = selection.next() else { panic!("two keys are surveyed") };
    let mut another = Selection::<u32>::new(1 << 20, 0, 1);
    let Step::Look(sample) = another.next() else { panic!("many keys are sampled") };
    another.take(survey.at(&mut source, 2).unwrap());
    assert!(matches!(another.next(), Step::Done(None)));
    selection.take(sample.at(&mut source, 2).unwrap());
    assert!(matches!(selection.next(), Step::Done(None)));
}

#[test]
fn no_such_rank() {
    let mut none = Shown::<u32> { keys: vec![], sample: vec![], chunk: 1, scans: 0 };
    assert_eq!(select(&mut none, 0, 0), Ok(None));
    let mut one = Shown::<u32> { keys: vec![3], sample: vec![], chunk: 1, scans: 0 };
    assert_eq!(select(&mut one, 0, 1), Ok(None));
    assert_eq!(select(&mut one, 1, 0), Ok(None));
}

/// Rows of 512 keys, each with a scale of its own, sampled in runs of 16.
fn rows(n: u32) -> Shown<u32> {
    let hash = |i: u32| (u64::from(i).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32;
    let keys: Vec<u32> = (0..n).map(|i| hash(i) >> (hash(i / 512 + 1) % 4)).collect();
    let sample = keys.chunks(1024).enumerate().flat_map(|(i, chunk)| {
        let start = hash(i as u32) as usize % 1000;
        chunk.iter().skip(start).take(16).copied().collect::<Vec<_>>()
    });
    let sample = sample.collect();
    Shown { keys, sample, chunk: 4096, scans: 0 }
}

#[test]
fn neighbours_that_resemble_each_other_need_one_scan() {
    let n = 1 << 19;
    for percent in [10, 50, 75, 95] {
        let mut source = rows(n);
        let rank = u64::from(n) * percent / 100;
        assert!(select(&mut source, rank, rank + 1).unwrap().is_some());
        assert_eq!(source.scans, 1, "{percent}");
    }
}

#[test]
fn the_bracket_is_cut_to_the_capacity() {
    let mut source = rows(1 << 19);
    let mut sample = source.sample.clone();
    let ends: Vec<usize> = (16..=sample.len()).step_by(16).collect();
    let ranks = [1 << 18, (1 << 18) + 1];
    let wide = Bracket::of_sample(&mut sample.clone(), &ends, source.len(), ranks, CAPACITY);
    let cut = Bracket::of_sample(&mut sample, &ends, source.len(), ranks, 20_000);
    assert!(wide.lo < cut.lo && cut.lo < cut.hi && cut.hi < wide.hi);
    select_in(&mut source, cut, ranks[0], ranks[1], 20_000).unwrap();
    assert!(source.scans <= 3);
}

/// Keys of which the highest bit does not count.
struct Signed<K>(Shown<K>);

impl<K: Key> Keys<K> for Signed<K> {
    type Error = Infallible;

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn bits(&self) -> K {
        K::from_u64(K::MAX.to_u64() >> 1)
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[K])) -> Result<(), Infallible> {
        self.0.scan(visit)
    }

    fn sample(&mut self, at_most: usize, visit: &mut dyn FnMut(&[K])) -> Result<(), Infallible> {
        self.0.sample(at_most, visit)
    }
}

fn signs_do_not_count<K: Key>(room: usize) {
    let hash = |i: u64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let keys: Vec<K> =
        (1..=40_000).map(|i| K::from_u64(hash(i) >> (64 - K::MAX.to_u64().count_ones()))).collect();
    let sample = keys.iter().copied().step_by(64).collect();
    let mut source = Signed(Shown { keys, sample, chunk: 1001, scans: 0 });
    let bits = source.bits();
    let mut sorted: Vec<_> = source.0.keys.iter().map(|&key| key & bits).collect();
    assert!(source.0.keys.iter().zip(&sorted).any(|(shown, key)| shown != key));
    sorted.sort_unstable();
    let wanted =
        Selected { lower: sorted[30_000], upper: sorted[30_001], min: sorted[0], max: sorted[39_999] };
    let mut selection = Selection::new(40_000, 30_000, 30_001);
    let found = loop {
        match selection.next() {
            Step::Look(look) => selection.take(look.at(&mut source, room).unwrap()),
            Step::Done(found) => break found,
        }
    };
    assert_eq!(found, Some(wanted));
}

#[test]
fn bits_that_do_not_count_are_not_looked_at() {
    // Room for what is near the wanted keys, and for too little of it, so that histograms narrow the interval.
    for room in [CAPACITY, 2] {
        signs_do_not_count::<u16>(room);
        signs_do_not_count::<u32>(room);
        signs_do_not_count::<u64>(room);
    }
}
