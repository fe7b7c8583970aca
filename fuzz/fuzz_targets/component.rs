//! libFuzzer's door to the target `component`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flip_wasm_fuzz::component(data));
