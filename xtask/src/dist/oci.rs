//! The components as artifacts that any registry of container images can carry: an OCI image layout with
//! one manifest for each, as the CNCF's guide for WebAssembly artifacts has them and wkg reads them.
//!
//! The crate oci-spec has these structures, too. Its annotations are hash maps: one component would get
//! another digest each time.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use flip_component_build::BUILTINS;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wit_component::DecodedWasm;

use super::package::{self, Package};
use super::sha256;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const WASM: &str = "application/wasm";

type Annotations = BTreeMap<&'static str, String>;

const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";
const DESCRIPTION: &str = "org.opencontainers.image.description";
const LICENSES: &str = "org.opencontainers.image.licenses";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    image_layout_version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    media_type: &'static str,
    manifests: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    media_type: &'static str,
    config: Descriptor,
    layers: [Descriptor; 1],
    annotations: Annotations,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: &'static str,
    digest: String,
    size: usize,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: Annotations,
}

/// What can be known of a component without fetching it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    created: String,
    architecture: &'static str,
    /// Stands for the component model, whatever the component imports.
    os: &'static str,
    layer_digests: [String; 1],
    component: Component,
}

/// The component's world.
#[derive(Serialize)]
struct Component {
    exports: Vec<String>,
    imports: Vec<String>,
}

/// Writes a layout of the components in the folder `components`.
pub fn write(components: &Path, layout: &Path) -> Result<()> {
    let packages = package::all()?;
    let created = created()?;
    let blobs = Blobs::in_layout(layout)?;
    let manifests = BUILTINS.iter().map(|&name| {
        let package = packages.get(name).context("no crate of the workspace")?;
        let wasm = fs::read(components.join(format!("{name}.wasm")))?;
        blobs.component(name, package, &created, &wasm)
    });
    let manifests = BUILTINS
        .iter()
        .zip(manifests)
        .map(|(name, manifest)| manifest.context(*name))
        .collect::<Result<_>>()?;
    let index = Index { schema_version: 2, media_type: INDEX, manifests };
    fs::write(layout.join("index.json"), serde_json::to_vec(&index)?).context("index.json")?;
    let version = Layout { image_layout_version: "1.0.0" };
    fs::write(layout.join("oci-layout"), serde_json::to_vec(&version)?).context("oci-layout")
}

/// What everything else names by its digest.
struct Blobs(std::path::PathBuf);

impl Blobs {
    fn in_layout(layout: &Path) -> Result<Self> {
        let folder = layout.join("blobs/sha256");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self(folder))
    }

    /// The component's layer, config and manifest; the last is what the index lists.
    fn component(&self, name: &str, package: &Package, created: &str, wasm: &[u8]) -> Result<Descriptor> {
        // The name that clients such as oras give the file.
        let file = Annotations::from([(TITLE, format!("{name}.wasm"))]);
        let layer = self.add(WASM, wasm, file)?;
        let config = Config {
            created: created.to_owned(),
            architecture: "wasm",
            os: "wasip2",
            layer_digests: [layer.digest.clone()],
            component: Component::decode(wasm)?,
        };
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST,
            config: self.add(CONFIG, &serde_json::to_vec(&config)?, Annotations::new())?,
            layers: [layer],
            annotations: Annotations::from([
                (TITLE, name.to_owned()),
                (VERSION, package.version.clone()),
                (DESCRIPTION, package.description.clone()),
                (LICENSES, package.license.clone()),
            ]),
        };
        let reference = Annotations::from([(REF_NAME, format!("{name}:{}", package.version))]);
        self.add(MANIFEST, &serde_json::to_vec(&manifest)?, reference)
    }

    fn add(&self, media_type: &'static str, bytes: &[u8], annotations: Annotations) -> Result<Descriptor> {
        let sum = sha256(bytes);
        fs::write(self.0.join(&sum), bytes).with_context(|| sum.clone())?;
        Ok(Descriptor { media_type, digest: format!("sha256:{sum}"), size: bytes.len(), annotations })
    }
}

impl Component {
    fn decode(wasm: &[u8]) -> Result<Self> {
        let DecodedWasm::Component(resolve, world) = wit_component::decode(wasm)? else {
            bail!("a WIT package, no component");
        };
        let world = resolve.worlds.get(world).context("no world")?;
        let exports = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
        let imports = world.imports.keys().map(|key| resolve.name_world_key(key)).collect();
        Ok(Self { exports, imports })
    }
}

/// The same time for the same sources: that of SOURCE_DATE_EPOCH, as builds elsewhere have it, or none.
fn created() -> Result<String> {
    let seconds = match env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds.parse().context("SOURCE_DATE_EPOCH: no number of seconds")?,
        Err(_) => 0,
    };
    let time = OffsetDateTime::from_unix_timestamp(seconds).context("SOURCE_DATE_EPOCH: out of range")?;
    Ok(time.format(&Rfc3339)?)
}
