//! How much memory the program takes.

use flip_runtime::{DataKind, Dtype, Dxo, Tensor};
use wait4::Wait4;

use crate::support::{ARGS, Site};

const MEBIBYTE: u64 = 1 << 20;

/// The most memory that filtering an update of so many bytes took.
fn peak(site: &Site, bytes: u64) -> u64 {
    let tensors =
        (0..8).map(|nth| (format!("layer{nth}"), Tensor::zeros(Dtype::Float32, &[bytes / 32]).unwrap()));
    let mut dxo = Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap();
    dxo.set_meta("NUM_STEPS_CURRENT_ROUND", &4).unwrap();
    site.write_dxo("update.safetensors", dxo);
    let args = ["filter", "percentile-privacy", "--in", "update.safetensors", "--out", "out.safetensors"];
    let ended = site.start(&[&args[..], &["--args", ARGS]].concat()).wait4().unwrap();
    assert!(ended.status.success());
    assert!(std::fs::metadata(site.path("out.safetensors")).unwrap().len() > bytes);
    ended.rusage.maxrss
}

/// The most memory that this process took: a program that it starts is said to have had that, too.
fn own_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn from_file_to_file_memory_does_not_grow_with_the_update() {
    let site = Site::new();
    // The component is in the cache then.
    peak(&site, MEBIBYTE);
    let small = peak(&site, 16 * MEBIBYTE);
    if small <= own_peak() {
        // Other tests ran before in this process, and took more.
        return;
    }
    let large = peak(&site, 160 * MEBIBYTE);
    assert!(large < small + 24 * MEBIBYTE, "{small} bytes, {large} bytes with ten times the data");
}
