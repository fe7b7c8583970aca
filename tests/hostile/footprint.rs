//! What an attack must leave as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use flip_runtime::{DataKind, Dxo};

use crate::{context, float32, percentile_privacy, values};

/// Where temporary files of this process go. It stays when all is over: other tests of the process need it too.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Its name begins with this; the number of the process follows.
const NAME: &str = "flip-hostile-";

/// The folder, in this one where there is none yet.
fn folder(parent: &Path) -> &'static Path {
    FOLDER.get_or_init(|| {
        for entry in fs::read_dir(parent).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap_or_default();
            let process = name.strip_prefix(NAME).map(|number| Path::new("/proc").join(number));
            if process.is_some_and(|process| !process.exists()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let folder = parent.join(format!("{NAME}{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        tempfile::env::override_temp_dir(&folder).unwrap();
        folder
    })
}

/// The files of this process, for one test at a time: another's would be counted too.
pub struct Footprint {
    folder: &'static Path,
    open: usize,
    children: usize,
    _turn: MutexGuard<'static, ()>,
}

impl Footprint {
    /// Takes what there is for what there may be.
    pub fn take() -> Self {
        Self::take_in(Path::new(env!("OUT_DIR")))
    }

    /// The same, with temporary files in memory where the machine has a place for that: twenty rounds need not wait
    /// for a disk as often.
    pub fn take_in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::take_in(memory) } else { Self::take() }
    }

    fn take_in(parent: &Path) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = folder(parent);
        // What is set up once is set up now.
        benign();
        Self { folder, open: open_files(), children: children(), _turn: turn }
    }

    /// The host lives, and nothing of an attack is left.
    ///
    /// # Errors
    ///
    /// Says what is left.
    pub fn check(&self) -> Result<(), String> {
        benign();
        let left: Vec<_> =
            fs::read_dir(self.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        if !left.is_empty() {
            return Err(format!("temporary files stayed: {left:?}"));
        }
        // Threads that end in the background close their files when they do.
        for _ in 0..200 {
            if open_files() <= self.open && images() <= MAX_IMAGES && children() <= self.children {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(format!(
            "{} files are open, not {}, and {} images; there are {} processes, not {}",
            open_files(),
            self.open,
            images(),
            children(),
            self.children
        ))
    }
}

/// How many files this process has open, save the images.
pub fn open_files() -> usize {
    links().filter(|link| !is_image(link)).count()
}

/// What memories begin with is a file without a name for each component that is loaded. The pool of instances lets go of
/// those of components that are no more, but not at once; the tests keep three.
const MAX_IMAGES: usize = 19;

fn images() -> usize {
    links().filter(|link| is_image(link)).count()
}

fn is_image(link: &Path) -> bool {
    link.to_string_lossy().contains("wasm-memory-image")
}

fn links() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
}

/// How many processes this one has begun that are there still, those too that nobody has waited for. None where the
/// kernel does not tell.
fn children() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let children = threads.map(|thread| {
        // A thread may have ended since.
        let children = fs::read_to_string(thread.unwrap().path().join("children")).unwrap_or_default();
        children.split_whitespace().count()
    });
    children.sum()
}

/// How many places of its address space this process has in use.
pub fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// The memory of this process that is resident, in bytes.
pub fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

/// A benign component gives its right answer.
#[track_caller]
pub fn benign() {
    let tensor = float32(&[2, 2], &[0.01, -0.1, 0.2, -4.0]);
    let dxo = Dxo::of_tensors(DataKind::WeightDiff, [("a".to_owned(), tensor)]).unwrap();
    let component = percentile_privacy();
    let mut filter = component.instance().args(r#"{"percentile": 50, "gamma": 0.25}"#).build().unwrap();
    let filtered = filter.filter(dxo, &context()).unwrap();
    assert_eq!(values(&filtered.dxo.tensors().unwrap()["a"]), [0.0, 0.0, 0.2, -0.25]);
}
