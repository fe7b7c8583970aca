//! The filter as the Python package has it, bit for bit, through the sandbox.

use flip_wasm_tests::{context, difference, filter_cases, percentile_privacy, runtime};

fn assert_bit_for_bit(class: &str, count: usize) {
    let component = runtime().load(class).unwrap();
    let cases: Vec<_> = filter_cases().into_iter().filter(|case| case.class == class).collect();
    assert_eq!(cases.len(), count);
    for (number, case) in cases.into_iter().enumerate() {
        let mut filter = component.instance().args(&*case.args).build().unwrap();
        let filtered = filter.filter(case.input.clone(), &context()).unwrap();
        if let Some(difference) = difference(&filtered.dxo, &case.output) {
            panic!("{class} {number}, args {}: {difference}", case.args);
        }
    }
}

#[test]
fn percentile_privacy_is_the_python_filter_bit_for_bit() {
    assert_bit_for_bit("PercentilePrivacy", 75);
}

#[test]
fn stage_percentile_privacy_is_the_python_filter_bit_for_bit() {
    assert_bit_for_bit("StagePercentilePrivacy", 25);
}

#[test]
fn one_instance_filters_one_update_after_the_other_alike() {
    let case = filter_cases().into_iter().find(|case| case.class == "PercentilePrivacy").unwrap();
    let mut filter = percentile_privacy().instance().args(&*case.args).build().unwrap();
    for _ in 0..100 {
        let filtered = filter.filter(case.input.clone(), &context()).unwrap();
        assert_eq!(difference(&filtered.dxo, &case.output), None);
    }
}
