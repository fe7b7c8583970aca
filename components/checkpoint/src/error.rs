//! What can be wrong, and where.

/// Why a checkpoint could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    /// The source failed.
    #[error("reading {length} bytes at offset {offset} failed: {cause}")]
    Source {
        /// Where the read began.
        offset: u64,
        /// How many bytes were asked for.
        length: usize,
        /// What the source said.
        cause: E,
    },
    /// The file, or the window asked for, is not one that this crate accepts.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// What a file gets wrong. Names taken from the file are escaped and cut short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// Neither of the two formats.
    #[error("neither a zip archive nor a legacy PyTorch stream: the file begins with {begins}")]
    NotACheckpoint {
        /// The first bytes, in hexadecimal.
        begins: String,
    },
    /// Something lies, wholly or in part, beyond the end of what holds it.
    #[error("{what} at offset {offset} needs {needed} bytes, but its bounds end at {end}")]
    Truncated {
        /// What was being read.
        what: String,
        /// Where it begins.
        offset: u64,
        /// How long it says it is.
        needed: u64,
        /// Where the file, or the part of it, ends.
        end: u64,
    },
    /// A bound of [`crate::limits`] is passed.
    #[error("{what}: {size} is over the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size.
        size: u64,
        /// The bound.
        limit: u64,
    },
    /// The memory for a window or a block was refused.
    #[error("no memory for {bytes} bytes")]
    OutOfMemory {
        /// How much was asked for.
        bytes: usize,
    },
    /// The zip archive's end records or directory are wrong.
    #[error("zip: {problem} (offset {offset})")]
    Zip {
        /// What is wrong.
        problem: &'static str,
        /// Where.
        offset: u64,
    },
    /// An entry of the zip archive is wrong.
    #[error("zip entry '{entry}': {problem} (offset {offset})")]
    Entry {
        /// Its name.
        entry: String,
        /// What is wrong.
        problem: &'static str,
        /// Where its record or header lies.
        offset: u64,
    },
    /// An entry of the zip archive is compressed: `torch.save` stores.
    #[error("zip entry '{entry}' is compressed (method {method}): only stored entries are read")]
    Compressed {
        /// Its name.
        entry: String,
        /// The number of the compression method.
        method: u16,
    },
    /// An entry that must be there is not.
    #[error("zip entry '{entry}' is missing")]
    Missing {
        /// Its name.
        entry: String,
    },
    /// A name that must be unique is not.
    #[error("{what} '{name}' occurs more than once")]
    Repeated {
        /// What bears the name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The file was written on a big-endian machine.
    #[error("{place} says that the numbers are not little-endian")]
    BigEndian {
        /// Where it says so.
        place: String,
    },
    /// A pickle opcode that weights do not need.
    #[error("pickle opcode {name} ({code:#04x}) at offset {offset} is not allowed")]
    Opcode {
        /// The opcode.
        code: u8,
        /// Its name in Python's pickletools.
        name: &'static str,
        /// Where it stands in the file.
        offset: u64,
    },
    /// A class or function that weights do not need.
    #[error("pickle global '{module}.{name}' at offset {offset} is not allowed")]
    Global {
        /// Its module.
        module: String,
        /// Its name.
        name: String,
        /// Where it stands in the file.
        offset: u64,
    },
    /// An allowed opcode that is used wrongly.
    #[error("pickle opcode {opcode} at offset {offset}: {problem}")]
    Pickle {
        /// Its name.
        opcode: &'static str,
        /// Where it stands in the file.
        offset: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// The frame of the legacy stream is wrong.
    #[error("legacy stream: {problem} (offset {offset})")]
    Legacy {
        /// What is wrong.
        problem: &'static str,
        /// Where.
        offset: u64,
    },
    /// The object in the file is not a dict with names for keys.
    #[error("the checkpoint is not a dict of named entries: {problem}")]
    NotADict {
        /// What was found.
        problem: String,
    },
    /// Entries of the state dict that are not tensors.
    #[error("entries of the state dict are not tensors: {names}")]
    NotTensors {
        /// Their names, each with its kind; the first few of them.
        names: String,
    },
    /// A plain value that cannot be handed out.
    #[error("value '{path}': {problem}")]
    Value {
        /// Where it lies: keys joined by slashes.
        path: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A storage that is not what the pickle says.
    #[error("storage '{key}': {problem} (declared {declared}, found {found})")]
    Storage {
        /// Its key.
        key: String,
        /// What is wrong.
        problem: &'static str,
        /// Elements or bytes according to the pickle.
        declared: u64,
        /// Elements or bytes according to the file.
        found: u64,
    },
    /// A tensor whose numbers do not fit together.
    #[error("tensor '{tensor}': {problem}")]
    Tensor {
        /// Its name.
        tensor: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A window that the tensor does not have.
    #[error("tensor '{tensor}' has {elements} elements: no window of {count} from {start}")]
    Window {
        /// Its name.
        tensor: String,
        /// First element asked for.
        start: u64,
        /// How many were asked for.
        count: u64,
        /// How many there are.
        elements: u64,
    },
}

/// Text of the file as a message may hold it: no control characters, no megabytes.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut short: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// The same for bytes that may not be text.
pub(crate) fn shown_bytes(bytes: &[u8]) -> String {
    shown(&String::from_utf8_lossy(bytes.get(..1024).unwrap_or(bytes)))
}
