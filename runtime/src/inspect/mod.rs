//! What a component asks for and what it can do, read off its bytes. Nothing of it is run or compiled.

mod digest;
mod instances;
mod module;
mod work;

use serde::{Deserialize, Serialize};
use wasmparser::component_types::ComponentEntityType;
use wasmparser::types::TypesRef;
use wasmparser::{BinaryReaderError, Encoding, Parser, Payload, ValidPayload, Validator, WasmFeatures};

use crate::host::log::one_line;
pub use digest::Digest;
use instances::Instances;
use work::Work;

/// Components within components: validating takes time in proportion to its square. Toolchains make two
/// or three levels.
const MAX_NESTING: usize = 32;

/// The longest name or reason that is shown, in bytes.
const MAX_TEXT: usize = 2_000;

/// What the names of all imported functions may come to, in bytes. Imports that share a type share its names
/// in the file: a component of some megabytes could have gigabytes listed.
const MAX_NAMES: usize = 1 << 20;

/// The WIT package of the contract.
const PACKAGE: &str = "flip:fl/";

/// What can be read off a component.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Names")]
pub struct Inspection {
    /// The digest of its file.
    pub sha256: Digest,
    /// The size of its file in bytes.
    pub size: u64,
    /// The version of package `flip:fl` that it was made for; none where it uses nothing of it.
    pub wit_version: Option<String>,
    /// The roles that it can play, such as `dxo-filter`.
    pub roles: Vec<String>,
    /// What it asks the host for.
    pub imports: Vec<Import>,
    /// What it offers, by interface.
    pub exports: Vec<String>,
    /// The core instances that it is made of, those of components within it as often as they are made.
    pub core_instances: u64,
    /// What the host keeps for them beside their memories and tables, in bytes, reckoned from above: globals, functions that
    /// can be called through a reference, elements of passive segments.
    pub instance_bytes: u64,
    /// Whether it can make resources of types of its own, beside those of the host.
    pub own_resources: bool,
}

/// One thing that a component asks the host for.
#[derive(Clone, Debug, Serialize)]
pub struct Import {
    /// The interface, with its version.
    pub interface: String,
    /// What having it lets the component do; none where this host does not offer it.
    pub capability: Option<&'static str>,
    /// The functions that it uses of it.
    pub functions: Vec<String>,
}

/// What was read, as it is kept. What the host makes of it is not: another version of it may know more.
#[derive(Deserialize)]
struct Names {
    sha256: Digest,
    size: u64,
    imports: Vec<ImportNames>,
    exports: Vec<String>,
    core_instances: u64,
    instance_bytes: u64,
    own_resources: bool,
}

impl From<Names> for Inspection {
    fn from(names: Names) -> Self {
        let Names { sha256, size, imports, exports, core_instances, instance_bytes, own_resources } = names;
        let imports: Vec<_> = imports.into_iter().map(Import::from).collect();
        let roles = exports.iter().filter_map(|export| {
            let (name, _) = export.strip_prefix(PACKAGE)?.split_once('@')?;
            ROLES.contains(&name).then(|| name.to_owned())
        });
        let names = exports.iter().chain(imports.iter().map(|import| &import.interface));
        let mut versions = names.filter_map(|name| Some(name.strip_prefix(PACKAGE)?.split_once('@')?.1));
        let (roles, wit_version) = (roles.collect(), versions.next().map(str::to_owned));
        Self {
            sha256,
            size,
            wit_version,
            roles,
            imports,
            exports,
            core_instances,
            instance_bytes,
            own_resources,
        }
    }
}

/// The same of an import.
#[derive(Deserialize)]
struct ImportNames {
    interface: String,
    functions: Vec<String>,
}

impl From<ImportNames> for Import {
    fn from(ImportNames { interface, functions }: ImportNames) -> Self {
        Self { capability: capability(&interface), interface, functions }
    }
}

/// The interfaces that this host offers and what each lets a component do.
const OFFERED: &[(&str, &str)] = &[
    ("flip:fl/types@0.1.", "nothing: shared types"),
    ("flip:fl/log@0.1.", "write to the site's log and report"),
    ("flip:fl/context@0.1.", "read the run's context: job, site, properties"),
    ("flip:fl/exchange@0.1.", "read and change the data objects that it is given"),
    ("flip:fl/tensors@0.1.", "read and change the tensors that it is given"),
    ("flip:fl/events@0.1.", "fire the events that it is granted"),
    ("flip:fl/storage@0.1.", "read and write files in the directories that it is granted"),
    ("flip:fl/cleanup@0.1.", "delete what it is granted"),
    ("flip:fl/object-store@0.1.", "store objects as it is granted, under the operator's prefix"),
    ("flip:fl/hub@0.1.", "tell the Central Hub what it is granted"),
    ("flip:fl/peers@0.1.", "call other components of the job in the roles that it is granted"),
    ("wasi:cli/", "nothing: no arguments, no environment, output discarded"),
    ("wasi:clocks/", "read clocks, wait within its time limits"),
    ("wasi:filesystem/", "nothing: no directory is open"),
    ("wasi:io/", "nothing of its own: streams of other interfaces"),
    ("wasi:random/", "draw random numbers"),
    ("wasi:sockets/", "nothing: no address is allowed"),
];

/// The exports of the contract that are roles.
const ROLES: &[&str] =
    &["dxo-filter", "executor", "event-handler", "results-generator", "model-locator", "results-persistor"];

impl Inspection {
    /// Reads a component's bytes, here and now. What that takes is bounded for what is known to take much, and
    /// not in time: [`Compiler::inspect`](crate::Compiler::inspect) is for files of anybody.
    ///
    /// # Errors
    ///
    /// Says why the bytes are no component.
    pub fn of(bytes: &[u8]) -> Result<Self, String> {
        Self::read(bytes).map_err(|reason| one_line(&reason, MAX_TEXT))
    }

    fn read(bytes: &[u8]) -> Result<Self, String> {
        match bytes.get(..8) {
            Some(b"\0asm\x0d\0\x01\0") => {}
            Some(b"\0asm\x01\0\0\0") => {
                return Err(
                    "a core module, not a component; encode it with: wasm-tools component new".to_owned()
                );
            }
            _ => return Err("not a WebAssembly component".to_owned()),
        }
        // Function bodies are left to the compiler, which validates them anyway.
        let mut validator = Validator::new_with_features(WasmFeatures::default());
        let (mut imports, mut exports) = (Vec::new(), Vec::new());
        let mut depth = 0_usize;
        let mut types = None;
        let (mut work, mut instances) = (Work::default(), Instances::default());
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(invalid)?;
            work.add(&payload, validator.types(0))?;
            instances.add(&payload)?;
            match &payload {
                Payload::Version { encoding: Encoding::Component | Encoding::Module, .. } => {
                    depth += 1;
                    if depth > MAX_NESTING {
                        return Err(format!("components nest deeper than {MAX_NESTING} in it"));
                    }
                }
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section.clone() {
                        imports.push(import.map_err(invalid)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section.clone() {
                        exports.push(export.map_err(invalid)?.name.name.to_owned());
                    }
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ => {}
            }
            if let ValidPayload::End(known) = validator.payload(&payload).map_err(invalid)? {
                types = Some(known);
            }
        }
        let mut room = MAX_NAMES;
        let imports = imports.into_iter().map(|interface| {
            let functions = types.as_ref().map(|types| functions(types.as_ref(), &interface, &mut room));
            let functions = functions.transpose()?.unwrap_or_default();
            Ok(ImportNames { interface: shown(&interface), functions })
        });
        let imports = imports.collect::<Result<Vec<_>, String>>()?;
        let mut exports: Vec<_> = exports.iter().map(|export| shown(export)).collect();
        // In the order of the linker, which is anyone's guess.
        exports.sort_unstable();
        let (sha256, size, made) = (Digest::of(bytes), bytes.len() as u64, instances.made());
        let (core_instances, instance_bytes, own_resources) = (made.instances, made.bytes, made.resources);
        Ok(Names { sha256, size, imports, exports, core_instances, instance_bytes, own_resources }.into())
    }

    /// The imports that this host does not offer.
    pub fn unknown_imports(&self) -> impl Iterator<Item = &str> {
        self.imports.iter().filter(|import| import.capability.is_none()).map(|import| &*import.interface)
    }
}

fn invalid(error: BinaryReaderError) -> String {
    format!("not a valid component: {} at byte {}", error.message(), error.offset())
}

/// A name that the component chose, for a person's eyes.
fn shown(name: &str) -> String {
    one_line(name, MAX_TEXT)
}

fn capability(interface: &str) -> Option<&'static str> {
    OFFERED
        .iter()
        .find(|(prefix, _)| interface.starts_with(prefix))
        .filter(|_| !interface.starts_with("wasi:") || interface.contains("@0.2."))
        .map(|(_, capability)| *capability)
}

/// The functions of an imported interface that the component uses, if their names have `room`.
fn functions(types: TypesRef<'_>, interface: &str, room: &mut usize) -> Result<Vec<String>, String> {
    let mut functions = Vec::new();
    let Some(ComponentEntityType::Instance(id)) =
        types.component_item_for_import(interface).map(|item| item.ty)
    else {
        return Ok(functions);
    };
    let Some(instance) = types.get(id) else { return Ok(functions) };
    for (name, item) in &instance.exports {
        if matches!(item.ty, ComponentEntityType::Func(_)) {
            let name = shown(name);
            *room = room.checked_sub(name.len()).ok_or_else(|| {
                format!("the names of the functions that it imports are longer than {MAX_NAMES} bytes")
            })?;
            functions.push(name);
        }
    }
    Ok(functions)
}
