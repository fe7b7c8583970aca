//! A dxo file in the making: it appears under its name in one step, or not at all.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use tempfile::NamedTempFile;

use super::header::{Entry, Header, check_header, json_len};
use super::{KIND, META};
use crate::error::Error;
use crate::exchange::Dxo;
use crate::json::Json;
use crate::tensor::{FileRange, Scratch, ScratchFile, Tensor};

/// A file that gets its name when it is complete. What a component writes goes straight into it, one
/// tensor after the other, behind room for the header; where that comes to the layout of the finished
/// file, nothing is copied but what no component wrote to.
pub struct Output {
    path: PathBuf,
    file: NamedTempFile,
    scratch: Arc<ScratchFile>,
    /// Where the data starts.
    data_start: u64,
}

/// How much longer the header may get: a filter adds its name to the history.
const HEADER_GROWTH: u64 = 1_024;

/// How much is copied at a time where the layout does not fit.
const CHUNK: usize = 1 << 20;

impl Output {
    /// Starts a file that will be `path`, for what a component makes of `dxo`, with other metadata beside
    /// it.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where no file can be made in that directory.
    pub fn create(path: &Path, dxo: &Dxo, metadata: &IndexMap<String, String>) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::InvalidFile { path: path.to_owned(), reason: reason.to_owned() };
        if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(invalid("there is something that is no regular file, which would be replaced"));
        }
        let file = temporary(path).map_err(Error::file(path))?;
        let handle = file.as_file().try_clone().map_err(Error::file(path))?;
        // Elements may get wider, up to 8 bytes each; so may the numbers in the header.
        let length = header(dxo, metadata, 8).map_or(0, |header| header.byte_len());
        let data_start = (length + HEADER_GROWTH).next_multiple_of(64);
        Ok(Self {
            path: path.to_owned(),
            file,
            scratch: Arc::new(ScratchFile::new(Arc::new(handle), data_start)),
            data_start,
        })
    }

    pub(crate) fn scratch(&self) -> Scratch {
        Scratch::File(self.scratch.clone())
    }

    /// Completes the file with `dxo` and gives it its name.
    ///
    /// # Errors
    ///
    /// Where something cannot be read or written, or where the format has no room for what the component
    /// made; then there is no such file.
    pub fn commit(self, mut dxo: Dxo, metadata: &IndexMap<String, String>) -> Result<(), Error> {
        self.complete(&mut dxo, metadata)?.publish()
    }

    /// Completes the file with `dxo`; [`Complete::publish`] gives it its name.
    ///
    /// # Errors
    ///
    /// Where something cannot be read or written, or where the format has no room for what the component
    /// made; then there is no such file.
    pub fn complete(self, dxo: &mut Dxo, metadata: &IndexMap<String, String>) -> Result<Complete, Error> {
        let path = self.path.clone();
        let unwritable =
            |reason| Error::InvalidData(format!("what the component made cannot be written: {reason}"));
        let header = header(dxo, metadata, 1).map_err(unwritable)?;
        header.check_writable().map_err(unwritable)?;
        let finished = match self.in_place(dxo, &header) {
            Some((header, size)) => self.finish_in_place(&header, size),
            None => self.finish_as_copy(dxo, &header),
        };
        let (file, size) = finished.map_err(Error::file(&path))?;
        // Without this a crash of the machine could leave the name without the contents.
        file.as_file().sync_all().map_err(Error::file(&path))?;
        Ok(Complete { path, file, size })
    }

    fn finish_in_place(self, header: &[u8], size: u64) -> io::Result<(NamedTempFile, u64)> {
        let file = self.file.as_file();
        file.write_all_at(header, 0)?;
        file.set_len(size)?;
        Ok((self.file, size))
    }

    fn finish_as_copy(self, dxo: &Dxo, header: &Header) -> io::Result<(NamedTempFile, u64)> {
        let copy = temporary(&self.path)?;
        let bytes = header.to_bytes(None).ok_or(io::ErrorKind::InvalidData)?;
        copy.as_file().write_all_at(&bytes, 0)?;
        let mut size = bytes.len() as u64;
        let handle = Arc::new(copy.as_file().try_clone()?);
        for tensor in dxo.tensors().into_iter().flat_map(IndexMap::values) {
            copy_tensor(tensor, &FileRange::new(handle.clone(), size, tensor.byte_len()))?;
            size = size.saturating_add(tensor.byte_len());
        }
        Ok((copy, size))
    }

    /// The header with the places where tensors lie in the file, and the size of all, if that has room for the header and
    /// no gap: in what order they were written, is all the same. Those that nobody wrote to are copied behind the others;
    /// where all are such, none is.
    fn in_place(&self, dxo: &mut Dxo, header: &Header) -> Option<(Vec<u8>, u64)> {
        let mut header = header.clone();
        let (mut places, mut copies) = (Vec::new(), Vec::new());
        for (tensor, entry) in dxo.tensors_mut()?.values_mut().zip(header.tensors.values_mut()) {
            let len = tensor.byte_len();
            if len == 0 {
                entry.data_offsets = (0, 0);
                continue;
            }
            let begin = match tensor.complete_in(&self.scratch).ok()? {
                Some(begin) => begin,
                None => {
                    let region = self.scratch.allocate(len).ok()?;
                    let begin = region.offset_in(&self.scratch)?;
                    copies.push((&*tensor, region));
                    begin
                }
            };
            let begin = begin.checked_sub(self.data_start)?;
            entry.data_offsets = (begin, begin.saturating_add(len));
            places.push(entry.data_offsets);
        }
        if copies.len() == places.len() || !leave_no_gap(&mut places) {
            return None;
        }
        let bytes = header.to_bytes(Some(self.data_start))?;
        // Nothing is copied before it is known to be of use.
        for (tensor, region) in &copies {
            copy_tensor(tensor, &region.range).ok()?;
        }
        let end = places.last().map_or(0, |place| place.1);
        Some((bytes, self.data_start.saturating_add(end)))
    }
}

/// Whether these places, which it sorts, follow each other from the start.
fn leave_no_gap(places: &mut [(u64, u64)]) -> bool {
    places.sort_unstable();
    let ends = [0].into_iter().chain(places.iter().map(|place| place.1));
    places.iter().zip(ends).all(|(place, end)| place.0 == end)
}

/// A file that is complete and waits for its name; without it, it is deleted.
pub struct Complete {
    path: PathBuf,
    file: NamedTempFile,
    size: u64,
}

impl Complete {
    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Gives it its name.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where it cannot get it; then there is no such file.
    pub fn publish(self) -> Result<(), Error> {
        let Self { path, file, .. } = self;
        file.persist(&path).map_err(|error| Error::File { path, source: error.error })?;
        Ok(())
    }
}

/// A file beside `path` that is deleted unless it is renamed.
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(path.file_name().ok_or(io::ErrorKind::InvalidFilename)?);
    tempfile::Builder::new()
        .prefix(&prefix)
        // As for any new file: the umask says who may read it.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory.unwrap_or(Path::new(".")))
        // The error names the temporary file, which is nobody's concern.
        .map_err(|error| error.kind().into())
}

/// Writes all of a tensor there.
fn copy_tensor(tensor: &Tensor, place: &FileRange) -> io::Result<()> {
    let mut offset = 0;
    while offset < tensor.byte_len() {
        let bytes = tensor.read(offset, CHUNK).map_err(io::Error::other)?;
        place.write_and_send(offset, &bytes)?;
        offset += bytes.len() as u64;
    }
    Ok(())
}

/// The header of the file for `dxo`, with elements `widened` times as wide. The error says why there can be none.
fn header(dxo: &Dxo, metadata: &IndexMap<String, String>, widened: u64) -> Result<Header, String> {
    // Before a text is made of them that nobody could read.
    check_header(dxo.meta.iter().map(|(name, value)| json_len(name) + value.text().len() as u64).sum())?;
    let mut header = Header { metadata: metadata.clone(), ..Header::default() };
    header.metadata.insert(KIND.to_owned(), dxo.kind().name().to_owned());
    if !dxo.meta.is_empty() {
        header.metadata.insert(META.to_owned(), Json::object_text(&dxo.meta));
    }
    let mut begin = 0_u64;
    for (name, tensor) in dxo.tensors().into_iter().flatten() {
        let end = begin.saturating_add(tensor.byte_len().saturating_mul(widened));
        let entry =
            Entry { dtype: tensor.dtype(), shape: tensor.shape().to_vec(), data_offsets: (begin, end) };
        header.tensors.insert(name.clone(), entry);
        begin = end;
    }
    Ok(header)
}
