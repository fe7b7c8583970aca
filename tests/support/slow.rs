//! Components that are slow to compile.

/// A component of a few KiB: loops within loops that each pass a thousand values on. The time and the memory
/// that compiling it takes grow with the square of the depth: at 300, ten seconds and 3 GB.
pub fn slow_to_compile(depth: usize) -> Vec<u8> {
    const VALUES: usize = 1_000;
    let repeat = |text: &str, times: usize| text.repeat(times);
    let values = repeat(" i64", VALUES);
    let module = [
        format!("(component (core module (type $t (func (param{values}) (result{values}))) (func "),
        repeat("i64.const 0 ", VALUES),
        repeat("loop (type $t) i32.const 0 br_if 0 ", depth),
        repeat("end ", depth),
        repeat("drop ", VALUES),
        ")))".to_owned(),
    ];
    wat::parse_str(module.concat()).unwrap()
}
