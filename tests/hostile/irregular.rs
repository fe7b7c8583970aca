//! What is no regular file, in the place of one: a pipe, a folder, a socket, a device.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::path::Path;

use serde_json::{Value, json};

/// Puts them there; the socket is one for as long as it is kept.
pub fn plant(folder: &Path) -> UnixListener {
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.join("pipe"), 0o600.into()).unwrap();
    fs::create_dir(folder.join("directory")).unwrap();
    // A socket's name has a hundred bytes, and the folder of these tests may have more.
    let opened = File::open(folder).unwrap();
    UnixListener::bind(format!("/proc/self/fd/{}/socket", opened.as_raw_fd())).unwrap()
}

/// What is asked of them, in this order, and what is told. Afterwards the pipe is a file that holds `x`, and the
/// socket has gone.
pub fn asked() -> Vec<(Value, String)> {
    let read = ["pipe", "directory", "socket"].into_iter().flat_map(|name| {
        let told = format!("invalid argument: {name}: not a regular file");
        [json!({"read": ["job", name, 0, 9]}), json!({"tensor": ["job", name, 0, [0]]})]
            .map(|errand| (errand, told.clone()))
    });
    let others = [
        (
            json!({"entries": ["job", "", null, 9]}),
            "ok [directory directory 0, other pipe 0, other socket 0]",
        ),
        (
            json!({"write": ["job", "directory", "x"]}),
            "invalid argument: directory: Is a directory (os error 21)",
        ),
        (
            json!({"create-dir-all": ["job", "pipe/x"]}),
            "invalid argument: pipe/x: Not a directory (os error 20)",
        ),
        (
            json!({"rename": ["job", "directory", "job", "directory/x"]}),
            "invalid argument: directory: Invalid argument (os error 22)",
        ),
        (json!({"write": ["job", "pipe", "x"]}), "ok"),
        (json!({"remove": ["job", "socket"]}), "ok 1 files, 0 directories, 0 bytes"),
    ];
    read.chain(others.map(|(errand, told)| (errand, told.to_owned()))).collect()
}

/// What is asked of devices, in this order, and what is told, where the folder of devices is granted by this name.
pub fn asked_of_devices(granted: &str) -> Vec<(Value, String)> {
    let asked = ["null", "zero", "full", "random"].into_iter().flat_map(|name| {
        let told = format!("invalid argument: {name}: not a regular file");
        [
            (json!({"read": [granted, name, 0, 9]}), told.clone()),
            (json!({"tensor": [granted, name, 0, [0]]}), told),
            (json!({"stat": [granted, name]}), format!("ok other {name} 0")),
        ]
    });
    asked.collect()
}
