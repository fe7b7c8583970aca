//! PercentilePrivacy in Python, JavaScript and C: the bits of the built-in, within the default limits and
//! grants.
//!
//! `cargo xtask test` builds them with their languages' tools and runs these tests: alone, a machine with no
//! more than Rust could not.

use std::path::PathBuf;
use std::time::Duration;

use flip_runtime::{Grants, Limits, Runtime};
use flip_wasm_tests::{cache, context, difference, filter_cases};

/// Names the folder where the components are.
const FOLDER: &str = "FLIP_WASM_LANGUAGES";

fn assert_bit_for_bit(name: &str) {
    let folder =
        std::env::var_os(FOLDER).unwrap_or_else(|| panic!("{FOLDER} is not set: run cargo xtask test"));
    let path = PathBuf::from(folder).join(format!("{name}.wasm"));
    // Without optimisation it takes minutes to compile an interpreter.
    let limits = Limits { compile_time: Duration::from_secs(900), ..Limits::default() };
    let runtime = Runtime::builder().cache(cache()).limits(limits).build().unwrap();
    let component = runtime.load(path.to_str().unwrap()).unwrap();
    let cases: Vec<_> = filter_cases().into_iter().filter(|case| case.class == "PercentilePrivacy").collect();
    assert_eq!(cases.len(), 75);
    for (number, case) in cases.into_iter().enumerate() {
        let instance =
            component.instance().args(&*case.args).grants(Grants::default()).limits(Limits::default());
        let mut filter = instance.build().unwrap();
        let filtered = filter.filter(case.input, &context()).unwrap();
        if let Some(difference) = difference(&filtered.dxo, &case.output) {
            panic!("{name} {number}, args {}: {difference}", case.args);
        }
    }
}

#[test]
#[ignore = "cargo xtask test builds the component"]
fn python_makes_the_same_bits() {
    assert_bit_for_bit("python-percentile");
}

#[test]
#[ignore = "cargo xtask test builds the component"]
fn javascript_makes_the_same_bits() {
    assert_bit_for_bit("javascript-percentile");
}

#[test]
#[ignore = "cargo xtask test builds the component"]
fn c_makes_the_same_bits() {
    assert_bit_for_bit("c-percentile");
}
