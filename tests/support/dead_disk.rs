//! A disk that does not answer.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A file system for which nobody answers: whatever is asked of it waits until this is dropped.
pub struct DeadDisk {
    path: PathBuf,
    /// Where the answers would come from.
    device: Option<File>,
}

impl DeadDisk {
    /// Mounts it on a directory; none where the machine lets only others do that.
    pub fn mount(path: &Path) -> Option<Self> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").ok()?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
        let options = CString::new(options).ok()?;
        mount("nobody", path, "fuse", MountFlags::NODEV | MountFlags::NOSUID, options.as_c_str()).ok()?;
        Some(Self { path: path.to_owned(), device: Some(device) })
    }
}

impl Drop for DeadDisk {
    fn drop(&mut self) {
        // All that wait are told that it is gone.
        self.device = None;
        if let Err(error) = unmount(&self.path, UnmountFlags::DETACH) {
            eprintln!("{}: {error}", self.path.display());
        }
    }
}
