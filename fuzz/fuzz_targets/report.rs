//! libFuzzer's door to the target `report`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flip_wasm_fuzz::report(data));
