//! libFuzzer's door to the target `policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flip_wasm_fuzz::policy(data));
