//! Filters in phases: what several instances make of a dxo is what one makes of it, and no part of it is more
//! than it was given.

use std::os::unix::fs::MetadataExt;

use flip_runtime::safetensors::{DxoFile, Output, Overrides, open};
use flip_runtime::{
    Code, DataKind, Dtype, Dxo, Error, Filtered, Instance, InstanceBuilder, Limits, Outcome, Tensor,
};
use flip_wasm_tests::{
    MISBEHAVING_PHASES, RESHAPING, assert_limit, assert_same, context, difference, filter_cases, float32,
    granted, misbehaving_phases, percentile_privacy, runtime, values,
};

/// A window: no part is smaller, unless its tensor is.
const WINDOW: u64 = 256 << 10;

/// Numbers that look random, every seventh of them the same.
fn noise(len: usize) -> impl Iterator<Item = f32> {
    let random = |i: u64| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 / 16_777_216.0 - 0.5;
    (0..len as u64).map(move |i| if i % 7 == 0 { 0.25 } else { random(i) })
}

fn tensor(dtype: Dtype, shape: &[u64], bytes: impl Iterator<Item = Vec<u8>>) -> Tensor {
    Tensor::new(dtype, shape, bytes.flatten().collect::<Vec<u8>>()).unwrap()
}

/// An update with dtypes that stay and dtypes that become others, large and small, with and without dimensions.
fn large_update() -> Dxo {
    let count = 200_000;
    let tensors = [
        ("conv.weight", float32(&[500, 400], &noise(count).collect::<Vec<_>>())),
        ("conv.num_batches_tracked", tensor(Dtype::Int64, &[], [7_i64.to_le_bytes().to_vec()].into_iter())),
        ("none", Tensor::zeros(Dtype::Float32, &[3, 0]).unwrap()),
        ("scale", float32(&[], &[0.4])),
        ("head.weight", float32(&[150_001], &noise(150_001).map(|x| x * 3.0).collect::<Vec<_>>())),
        ("mask", tensor(Dtype::Bool, &[90_000], (0..90_000_u32).map(|i| vec![u8::from(i % 3 == 0)]))),
        (
            "wide",
            tensor(Dtype::Float64, &[70_000], noise(70_000).map(|x| f64::from(x).to_le_bytes().to_vec())),
        ),
        (
            "half",
            tensor(
                Dtype::Float16,
                &[300_000],
                (0..300_000_u32).map(|i| vec![(i % 251) as u8, (i % 60) as u8]),
            ),
        ),
    ];
    let tensors = tensors.map(|(name, tensor)| (name.to_owned(), tensor));
    let mut dxo = Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap();
    dxo.set_meta("NUM_STEPS_CURRENT_ROUND", &3).unwrap();
    dxo.set_meta("stage", &[&["conv", "scale"][..], &["half"], &["conv"], &["nowhere"]]).unwrap();
    dxo
}

fn built_in(class: &str) -> InstanceBuilder {
    let args = r#"{"percentile": 60, "gamma": 0.1}"#;
    runtime().load(class).unwrap().instance().args(args)
}

#[test]
fn the_recorded_vectors_come_out_bit_for_bit_however_many_share_them() {
    for case in filter_cases() {
        for instances in [1, 2, 3] {
            let component = runtime().load(&case.class).unwrap();
            let mut filter = component.instance().args(&*case.args).share(instances, 1).build().unwrap();
            let filtered = filter.filter(case.input.clone(), &context()).unwrap();
            if let Some(difference) = difference(&filtered.dxo, &case.output) {
                panic!("{}, args {}, {instances} instances: {difference}", case.class, case.args);
            }
        }
    }
}

#[test]
fn what_changed_is_the_same_however_it_is_cut_and_shared() {
    let change = |builder: InstanceBuilder| {
        let filtered =
            builder.measure_changes(true).build().unwrap().filter(large_update(), &context()).unwrap();
        filtered.leaves[0].change.clone().unwrap()
    };
    let alone = change(built_in("PercentilePrivacy").limits(Limits { cores: 1, ..Limits::default() }));
    assert!(alone.all.sampled > 4_000 && alone.tensors.len() == 8, "{alone:?}");
    // Six in ten are below the cutoff, but for those that stay as they are.
    assert!((0.3..0.7).contains(&alone.all.zeroed.unwrap()) && alone.all.clipped.unwrap() > 0.1, "{alone:?}");
    for (instances, part) in [(1, 1), (2, 1), (3, 1 << 20)] {
        assert_eq!(change(built_in("PercentilePrivacy").share(instances, part)), alone, "{instances}");
    }
}

#[test]
fn a_large_update_is_the_same_however_it_is_cut_and_shared() {
    for class in ["PercentilePrivacy", "StagePercentilePrivacy"] {
        let mut alone = built_in(class).limits(Limits { cores: 1, ..Limits::default() }).build().unwrap();
        let expected = alone.filter(large_update(), &context()).unwrap();
        for (instances, part) in [(1, WINDOW), (2, WINDOW), (3, 3 * WINDOW), (2, 1), (8, 4 << 20)] {
            let mut filter = built_in(class).share(instances, part).build().unwrap();
            // Twice: the helpers are used again. The update is shared, and it is not.
            let given = large_update();
            for dxo in [given.clone(), large_update()] {
                let filtered = filter.filter(dxo, &context()).unwrap();
                assert_eq!(difference(&filtered.dxo, &expected.dxo), None, "{class} {instances} {part}");
                assert_eq!(filtered.leaves[0].gauges, expected.leaves[0].gauges);
            }
            assert_same(&given, &large_update());
        }
    }
}

#[test]
fn from_a_file_to_a_file_it_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let dxo = large_update();
    let nothing = indexmap::IndexMap::new();
    let input = Output::create(&path("in.safetensors"), &dxo, &nothing).unwrap();
    input.commit(dxo.clone(), &nothing).unwrap();
    let filtered = |name: &str, builder: InstanceBuilder| {
        let DxoFile { dxo, metadata } = open(&path("in.safetensors"), Overrides::default()).unwrap();
        let output = Output::create(&path(name), &dxo, &metadata).unwrap();
        let mut names = std::fs::read_dir(directory.path()).unwrap().map(Result::unwrap);
        let made = names.find(|entry| entry.file_name().as_encoded_bytes().starts_with(b".")).unwrap();
        let made = made.metadata().unwrap().ino();
        let mut filter = builder.write_to(&output).build().unwrap();
        let Filtered { dxo, .. } = filter.filter(dxo, &context()).unwrap();
        output.commit(dxo, &metadata).unwrap();
        // What was written is not copied: the file is the one that it was written to.
        assert_eq!(std::fs::metadata(path(name)).unwrap().ino(), made, "{name}");
        open(&path(name), Overrides::default()).unwrap().dxo
    };
    // The second leaves some tensors as they are.
    for class in ["PercentilePrivacy", "StagePercentilePrivacy"] {
        let expected = built_in(class).build().unwrap().filter(dxo.clone(), &context()).unwrap().dxo;
        let alone = built_in(class).limits(Limits { cores: 1, ..Limits::default() });
        let shared = built_in(class).share(2, WINDOW);
        assert_same(&filtered("alone.safetensors", alone), &expected);
        assert_same(&filtered("shared.safetensors", shared), &expected);
        // What the format asks for: no gap, whatever the order in which the tensors were written.
        let size = |name: &str| std::fs::metadata(path(name)).unwrap().len();
        assert_eq!(size("alone.safetensors"), size("shared.safetensors"));
        let bytes = std::fs::read(path("shared.safetensors")).unwrap();
        assert_eq!(safetensors::SafeTensors::deserialize(&bytes).unwrap().len(), 8);
    }
}

#[test]
fn with_one_core_it_works_alone() {
    let limits = Limits { cores: 1, ..Limits::default() };
    let update =
        || Dxo::of_tensors(DataKind::WeightDiff, [("a".to_owned(), float32(&[3 << 20], &[0.5; 3 << 20]))]);
    let mut filter = percentile_privacy().instance().limits(limits).build().unwrap();
    let calls = filter.usage().calls;
    filter.filter(update().unwrap(), &context()).unwrap();
    assert_eq!(filter.usage().calls, calls + 1);
    // What passes less than a report in a call works alone, too.
    let limits = Limits { call_bytes: 64 << 10, ..Limits::default() };
    let mut filter = percentile_privacy().instance().limits(limits).share(2, WINDOW).build().unwrap();
    let calls = filter.usage().calls;
    filter.filter(update().unwrap(), &context()).unwrap();
    assert_eq!(filter.usage().calls, calls + 1);
}

#[test]
fn where_places_are_short_a_filter_in_phases_works_with_fewer_and_keeps_to_its_instances() {
    let expected = built_in("PercentilePrivacy").share(1, WINDOW).build().unwrap();
    let expected = { expected }.filter(large_update(), &context()).unwrap();
    let runtime = flip_runtime::Runtime::builder().instances(3).build().unwrap();
    let component = runtime.load("PercentilePrivacy").unwrap();
    let filter = |limits: Limits| {
        let args = r#"{"percentile": 60, "gamma": 0.1}"#;
        component.instance().args(args).limits(limits).share(8, WINDOW).build()
    };
    let each = filter(Limits::default()).unwrap().usage().most.instances;
    assert!(each > 0);
    for (instances, cores) in [(128, 3), (each * 3 - 1, 2), (each, 1)] {
        let mut filter = filter(Limits { instances, ..Limits::default() }).unwrap();
        let filtered = filter.filter(large_update(), &context()).unwrap();
        assert_eq!(difference(&filtered.dxo, &expected.dxo), None, "{instances}");
        assert_eq!(filter.usage().most.cores, cores, "{instances}");
    }
    // Others are told whose place is missing; what ends leaves its own.
    let mut held = filter(Limits::default()).unwrap();
    held.filter(large_update(), &context()).unwrap();
    let error = filter(Limits::default()).err().unwrap();
    assert!(
        matches!(&error, Error::NoPlace { component, .. } if component == "PercentilePrivacy"),
        "{error}"
    );
    assert_eq!(error.code(), Code::ServiceFailed);
    drop(held);
    filter(Limits::default()).unwrap().filter(large_update(), &context()).unwrap();
}

fn misbehaving(deed: &str, limits: Limits) -> Instance {
    let args = format!(r#"{{"deed": "{deed}"}}"#);
    misbehaving_phases().instance().args(args).limits(limits).share(2, WINDOW).build().unwrap()
}

/// Two tensors of two windows each, all ones.
fn ones() -> Dxo {
    let ones = |name: &str| (name.to_owned(), float32(&[2, 1 << 16], &[1.0; 2 << 16]));
    Dxo::of_tensors(DataKind::Weights, [ones("a"), ones("b")]).unwrap()
}

fn sum(dxo: &Dxo) -> f32 {
    dxo.tensors().unwrap().values().flat_map(values).sum()
}

fn said(filtered: &Filtered) -> &str {
    let Outcome::Unchanged(said) = &filtered.leaves[0].outcome else { panic!("{:?}", filtered.leaves) };
    said
}

#[test]
fn reports_come_in_the_order_of_the_parts() {
    let mut filter = misbehaving("write-in-observe", Limits::default());
    for _ in 0..20 {
        assert_eq!(said(&filter.filter(ones(), &context()).unwrap()), "a | a | b | b");
    }
    let filtered = misbehaving("zero", Limits::default()).filter(ones(), &context()).unwrap();
    assert_eq!((&filtered.leaves[0].outcome, sum(&filtered.dxo)), (&Outcome::Filtered, 0.0));
    let filtered = misbehaving("zero-half", Limits::default()).filter(ones(), &context()).unwrap();
    assert_eq!(sum(&filtered.dxo), 2.0 * f32::from(u16::MAX) + 2.0);
}

#[test]
fn a_part_is_no_more_than_it_says() {
    let filtered = misbehaving("show", Limits::default()).filter(ones(), &context()).unwrap();
    assert!(
        said(&filtered).starts_with(r#"["a"] [[65536]] None | ["a"] [[65536]] None | ["b"]"#),
        "{filtered:?}"
    );
    let filtered = misbehaving("write-past-the-end", Limits::default()).filter(ones(), &context()).unwrap();
    assert_eq!(said(&filtered).matches("Err(Error::InvalidArgument").count(), 4, "{filtered:?}");
    assert_eq!(sum(&filtered.dxo), 4.0 * 65_536.0);
    let filtered = misbehaving("reach", Limits::default()).filter(ones(), &context()).unwrap();
    assert_eq!(said(&filtered).matches("NotPermitted").count(), 8, "{filtered:?}");
}

#[test]
fn what_is_written_where_parts_are_observed_is_lost() {
    let filtered = misbehaving("write-in-observe", Limits::default()).filter(ones(), &context()).unwrap();
    assert_eq!(sum(&filtered.dxo), 4.0 * 65_536.0);
}

#[test]
fn nothing_leaves_of_a_dxo_on_which_an_instance_failed() {
    let trapped = Code::ComponentFailed;
    for (deed, told, code, ended) in [
        ("panic", "trapped", trapped, true),
        ("fail", "invalid data: broken", Code::InvalidInput, false),
        ("fail-in-report", "invalid data: no", Code::InvalidInput, false),
        ("keep-tensor", "it kept a handle of a part open", Code::InvalidInput, false),
        ("replace", "the tensors of a part stay what they are", Code::NotPermitted, false),
        ("unknown", "a phase names a tensor twice, or one that is not there", Code::InvalidInput, false),
        ("twice", "a phase names a tensor twice, or one that is not there", Code::InvalidInput, false),
        ("refuse-afterwards", "on second thoughts", Code::Refused, false),
        ("deny", "it says that it changed nothing", trapped, false),
        ("replace-and-deny", "it says that it changed nothing", trapped, false),
    ] {
        let mut filter = misbehaving(deed, Limits::default());
        let given = ones();
        let error = filter.filter(given.clone(), &context()).unwrap_err();
        assert!(error.to_string().contains(told), "{deed}: {error}");
        assert_eq!(error.code(), code, "{deed}: {error}");
        assert_eq!(sum(&given), 4.0 * 65_536.0, "{deed}");
        let again = filter.filter(ones(), &context()).unwrap_err();
        assert_eq!(matches!(again, Error::Poisoned { .. }), ended, "{deed}: {again}");
    }
}

#[test]
fn each_instance_keeps_within_its_limits_and_all_of_them_within_the_time() {
    let limits = Limits { call_time: std::time::Duration::from_millis(300), ..Limits::default() };
    for deed in ["loop", "endless"] {
        assert_limit(misbehaving(deed, limits.clone()).filter(ones(), &context()), "call-time");
    }
    let limits = Limits { memory: 16 << 20, ..Limits::default() };
    assert_limit(misbehaving("grow", limits).filter(ones(), &context()), "memory");
    assert_limit(misbehaving("long-report", Limits::default()).filter(ones(), &context()), "call-bytes");
}

#[test]
fn a_report_is_no_longer_than_the_contract_says_whatever_a_call_may_pass() {
    let limits = Limits { call_bytes: 8 << 20, ..Limits::default() };
    let error = misbehaving("long-report", limits).filter(ones(), &context()).unwrap_err();
    assert!(error.to_string().contains("a report of 2097152 bytes"), "{error}");
    assert_eq!(error.code(), Code::InvalidInput);
}

/// What a filter adds between two phases was given to it in the next.
#[test]
pub fn what_a_filter_added_between_phases_was_its_own_no_more() {
    let limits = Limits { host_bytes: 4 << 20, ..Limits::default() };
    let builder = |deed: &str| {
        let args = format!(r#"{{"deed": "{deed}"}}"#);
        let builder = misbehaving_phases().instance().args(args).grants(granted(RESHAPING));
        builder.limits(limits.clone()).share(2, WINDOW)
    };
    for deed in ["hoard-meta", "hoard-tensors"] {
        for builder in [builder(deed), builder(deed).scratch_file()] {
            let error = builder.build().unwrap().filter(ones(), &context()).unwrap_err();
            assert!(error.to_string().contains("limit host-bytes reached"), "{deed}: {error}");
        }
    }
    // What takes the place of something else takes no more.
    for builder in [builder("rewrite"), builder("rewrite").scratch_file()] {
        let filtered = builder.build().unwrap().filter(ones(), &context()).unwrap();
        assert_eq!(sum(&filtered.dxo), 0.0);
    }
}

#[test]
fn a_figure_of_a_part_is_dropped_as_chance_has_who_works_on_it() {
    let filtered = misbehaving("gauge", Limits::default()).filter(ones(), &context()).unwrap();
    let gauges: Vec<_> = filtered.leaves[0].gauges.iter().map(|(name, value)| (&**name, *value)).collect();
    assert_eq!(gauges, [("whole", 4.0)]);
}

/// Those that share the work were made before the call began, as far as its time and the abort were concerned.
#[test]
pub fn an_abort_was_not_seen_while_those_were_made_that_share_the_work() {
    let grants = granted("directories = { job = \"read\" }");
    let limits = Limits { call_time: std::time::Duration::from_secs(100), ..Limits::default() };
    let builder = misbehaving_phases().instance().args(r#"{"deed": "hang-in-helper"}"#).grants(grants);
    let mut filter = builder.limits(limits).share(2, WINDOW).build().unwrap();
    let context = context();
    let abort = context.abort.clone();
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        abort.trigger();
    });
    let error = filter.filter(ones(), &context).unwrap_err();
    assert!(error.to_string().contains("the run is being aborted"), "{error}");
}

#[test]
fn those_that_shared_the_work_of_one_that_ended_kept_their_places() {
    let runtime = flip_runtime::Runtime::builder().instances(2).build().unwrap();
    let component = runtime.load_bytes("MisbehavingPhases", MISBEHAVING_PHASES).unwrap();
    let filter = |deed: &str| {
        let args = format!(r#"{{"deed": "{deed}"}}"#);
        component.instance().args(args).share(2, WINDOW).build().unwrap()
    };
    for deed in ["panic-in-next", "panic"] {
        let mut ended = filter(deed);
        assert!(ended.filter(ones(), &context()).unwrap_err().to_string().contains("trapped"));
        let mut next = filter("zero");
        next.filter(ones(), &context()).unwrap();
        assert_eq!(next.usage().most.cores, 2, "{deed}");
        assert!(matches!(ended.filter(ones(), &context()), Err(Error::Poisoned { .. })));
    }
}
