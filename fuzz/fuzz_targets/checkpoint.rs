//! libFuzzer's door to the target `checkpoint`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flip_wasm_fuzz::checkpoint(data));
