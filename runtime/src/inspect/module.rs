//! What the host keeps for an instance of a core module, beside its memories and tables: wasmtime asks no limiter for
//! that.

use wasmparser::{BinaryReaderError, ElementItems, ElementKind, ExternalKind, Payload, TypeRef};

/// An instance of a module that is empty, in bytes: its place in the store, and what the host knows it by.
const INSTANCE: u64 = 512;

/// One thing of each kind, in bytes: what wasmtime's `VMContext` has for it, and where that is more, what it keeps beside.
const IMPORT: u64 = 40;
const GLOBAL: u64 = 16;
const TAG: u64 = 16;
const MEMORY: u64 = 640;
const TABLE: u64 = 256;
/// A function that can be called through a reference.
const REFERENCE: u64 = 32;
const DATA: u64 = 16;
/// A passive segment of elements, and one of them: an instance has its own.
const SEGMENT: u64 = 32;
const ELEMENT: u64 = 16;

/// What was read of a module so far.
#[derive(Default)]
pub(super) struct Module {
    functions: u64,
    /// Exports and elements that are functions, and globals, which may each refer to one.
    references: u64,
    /// What everything else comes to.
    bytes: u64,
}

impl Module {
    /// Adds a section.
    pub(super) fn add(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    let is_function = matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_));
                    self.functions += u64::from(is_function);
                    self.take(1, IMPORT);
                }
            }
            Payload::FunctionSection(section) => {
                self.functions = self.functions.saturating_add(section.count().into());
            }
            Payload::TableSection(section) => {
                self.refer(section.count());
                self.take(section.count(), TABLE);
            }
            Payload::MemorySection(section) => self.take(section.count(), MEMORY),
            Payload::TagSection(section) => self.take(section.count(), TAG),
            Payload::GlobalSection(section) => {
                self.refer(section.count());
                self.take(section.count(), GLOBAL);
            }
            Payload::ExportSection(section) => {
                for export in section.clone() {
                    self.refer(u32::from(matches!(
                        export?.kind,
                        ExternalKind::Func | ExternalKind::FuncExact
                    )));
                }
            }
            Payload::ElementSection(section) => {
                for segment in section.clone() {
                    let segment = segment?;
                    let count = match segment.items {
                        ElementItems::Functions(functions) => functions.count(),
                        ElementItems::Expressions(_, expressions) => expressions.count(),
                    };
                    self.refer(count);
                    if matches!(segment.kind, ElementKind::Passive) {
                        self.take(1, SEGMENT);
                        self.take(count, ELEMENT);
                    }
                }
            }
            Payload::DataSection(section) => self.take(section.count(), DATA),
            _ => {}
        }
        Ok(())
    }

    /// What an instance of it takes.
    pub(super) fn instance(&self) -> u64 {
        let references = self.references.min(self.functions).saturating_mul(REFERENCE);
        INSTANCE.saturating_add(references).saturating_add(self.bytes)
    }

    fn take(&mut self, count: u32, bytes: u64) {
        self.bytes = self.bytes.saturating_add(u64::from(count).saturating_mul(bytes));
    }

    fn refer(&mut self, count: u32) {
        self.references = self.references.saturating_add(count.into());
    }
}
