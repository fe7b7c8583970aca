//! libFuzzer's door to the target `job_config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flip_wasm_fuzz::job_config(data));
