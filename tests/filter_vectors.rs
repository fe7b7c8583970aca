//! The filter as the Python package has it, bit for bit, through the sandbox.

use flip_runtime::Outcome;
use flip_wasm_tests::{context, difference, filter_cases, percentile_privacy};

#[test]
fn percentile_privacy_is_the_python_filter_bit_for_bit() {
    let component = percentile_privacy();
    let cases = filter_cases();
    let cases: Vec<_> = cases.iter().filter(|case| case.class == "PercentilePrivacy").collect();
    assert_eq!(cases.len(), 75);
    for (number, case) in cases.into_iter().enumerate() {
        let mut filter = component.instance().args(&*case.args).build().unwrap();
        let filtered = filter.filter(case.input.clone(), &context()).unwrap();
        assert_eq!(filtered.leaves[0].outcome, Outcome::Filtered, "case {number}");
        if let Some(difference) = difference(&filtered.dxo, &case.output) {
            panic!("case {number}, args {}: {difference}", case.args);
        }
    }
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
