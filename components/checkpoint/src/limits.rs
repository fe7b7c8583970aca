//! Every bound that a file must keep, with its reason.

/// Bytes of one pickle. A state dict takes 100 to 200 bytes a tensor: this is room for 80 000 of them.
pub const MAX_PICKLE: usize = 16 << 20;
/// Bytes of a zip archive's central directory, which is read whole.
pub const MAX_DIRECTORY: u64 = 16 << 20;
/// Entries of a zip archive, storages of a legacy stream, and tensors of a checkpoint.
pub const MAX_ENTRIES: u64 = 100_000;
/// Opcodes executed in one pickle. A tensor takes about 40.
pub const MAX_STEPS: usize = 4 << 20;
/// Values that one pickle makes. A tensor takes about 18; each costs 32 bytes of memory and more.
pub const MAX_VALUES: usize = 1 << 20;
/// Bytes of a module's or a name's line in GLOBAL.
pub const MAX_LINE: usize = 1024;
/// Nesting of the plain values handed out: they are built, and dropped, by recursion.
pub const MAX_DEPTH: usize = 64;
/// Plain values handed out, counted again each time one is shared.
pub const MAX_EXPANSION: usize = 1 << 16;
/// Bytes of text in the plain values handed out, counted again each time one is shared.
pub const MAX_TEXT: usize = 4 << 20;
/// Dimensions of a tensor (NumPy's limit was 32 for decades).
pub const MAX_RANK: usize = 32;
/// Bytes of a tensor's name.
pub const MAX_NAME: usize = 4096;
/// Bytes of a storage's key.
pub const MAX_KEY: usize = 64;
/// Elements of a tensor that has more of them than its storage (an expanded one): without this bound a file
/// of a hundred bytes could keep its reader busy for ever.
pub const MAX_EXPANDED: u64 = 16 << 20;
