//! What a component asks for and what it can do, read off its bytes. Nothing of it is run or compiled.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use wasmparser::component_types::ComponentEntityType;
use wasmparser::types::TypesRef;
use wasmparser::{Encoding, Parser, Payload, ValidPayload, Validator, WasmFeatures};

use crate::host::log::one_line;

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

/// The sha256 digest of a component's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let bytes = pairs.iter().map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
            u8::from_str_radix(pair, 16).ok()
        });
        let digest = bytes.collect::<Option<Vec<_>>>().filter(|_| rest.is_empty());
        digest
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no sha256 digest: 64 hexadecimal digits are needed"))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What can be read off a component.
#[derive(Clone, Debug, Serialize)]
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
    /// Reads a component's bytes.
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
        let invalid = |error: wasmparser::BinaryReaderError| {
            format!("not a valid component: {} at byte {}", error.message(), error.offset())
        };
        // Function bodies are left to the compiler, which validates them anyway.
        let mut validator = Validator::new_with_features(WasmFeatures::default());
        let (mut imports, mut exports) = (Vec::new(), Vec::new());
        let mut depth = 0_usize;
        let mut types = None;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(invalid)?;
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
            Ok(Import {
                capability: capability(&interface),
                functions: functions.transpose()?.unwrap_or_default(),
                interface: shown(&interface),
            })
        });
        let imports = imports.collect::<Result<Vec<_>, String>>()?;
        let mut exports: Vec<_> = exports.iter().map(|export| shown(export)).collect();
        // In the order of the linker, which is anyone's guess.
        exports.sort_unstable();
        let roles = exports.iter().filter_map(|export| {
            let (name, _) = export.strip_prefix(PACKAGE)?.split_once('@')?;
            ROLES.contains(&name).then(|| name.to_owned())
        });
        Ok(Self {
            sha256: Digest::of(bytes),
            size: bytes.len() as u64,
            roles: roles.collect(),
            wit_version: exports
                .iter()
                .chain(imports.iter().map(|import| &import.interface))
                .find_map(|name| Some(name.strip_prefix(PACKAGE)?.split_once('@')?.1.to_owned())),
            imports,
            exports,
        })
    }

    /// The imports that this host does not offer.
    pub fn unknown_imports(&self) -> impl Iterator<Item = &str> {
        self.imports.iter().filter(|import| import.capability.is_none()).map(|import| &*import.interface)
    }
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
