//! libFuzzer's door to the target `safetensors`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flip_wasm_fuzz::safetensors(data));
