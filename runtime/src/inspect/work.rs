//! What reading a component takes in memory, reckoned before the validator takes it.
//!
//! The validator keeps a list of what each instance exports. So a file of a few KiB can ask for gigabytes: a
//! component of a thousand exports, instantiated a thousand times.

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentItem,
};
use wasmparser::types::TypesRef;
use wasmparser::{BinaryReaderError, ComponentExternalKind, ComponentInstance, ComponentTypeRef, Payload};

/// The most that it may come to, in bytes: twelve times what a component that carries a Python interpreter comes
/// to, which is the largest that toolchains make.
const MAX: u64 = 48 << 20;

/// An import, an export, an alias or an instance, in bytes, its name aside.
const ITEM: u64 = 256;

/// What a byte of a section of types comes to: the smallest type has one.
const TYPE_BYTE: u64 = 128;

/// What was reckoned so far, in bytes.
#[derive(Default)]
pub(super) struct Work(u64);

impl Work {
    /// Adds a part of the component. `types` are those before it, of the component that it is a part of.
    pub(super) fn add(&mut self, payload: &Payload<'_>, types: Option<TypesRef<'_>>) -> Result<(), String> {
        let cost = cost(payload, types).map_err(super::invalid)?;
        self.0 = self.0.saturating_add(cost);
        match self.0 > MAX {
            true => Err("reading it takes too much memory: its types, or what its instances export, are \
                         too many"
                .to_owned()),
            false => Ok(()),
        }
    }
}

fn cost(payload: &Payload<'_>, types: Option<TypesRef<'_>>) -> Result<u64, BinaryReaderError> {
    let items = |count: u32, bytes: usize| u64::from(count).saturating_mul(ITEM).saturating_add(bytes as u64);
    let declared = |bytes: usize| (bytes as u64).saturating_mul(TYPE_BYTE);
    Ok(match payload {
        Payload::TypeSection(section) => declared(section.range().len()),
        Payload::CoreTypeSection(section) => declared(section.range().len()),
        Payload::ComponentTypeSection(section) => declared(section.range().len()),
        Payload::ImportSection(section) => items(section.count(), section.range().len()),
        Payload::ExportSection(section) => items(section.count(), section.range().len()),
        Payload::InstanceSection(section) => items(section.count(), section.range().len()),
        Payload::ComponentAliasSection(section) => items(section.count(), section.range().len()),
        Payload::ComponentCanonicalSection(section) => items(section.count(), section.range().len()),
        Payload::ComponentInstanceSection(section) => {
            let mut cost = items(section.count(), section.range().len());
            let Some(mut known) = Known::of(types) else { return Ok(cost) };
            for instance in section.clone() {
                let instance = match instance? {
                    ComponentInstance::Instantiate { component_index, .. } => {
                        known.component(component_index)
                    }
                    ComponentInstance::FromExports(exports) => {
                        let instances =
                            exports.iter().filter(|export| export.kind == ComponentExternalKind::Instance);
                        instances.fold(0, |sum: u64, export| sum.saturating_add(known.instance(export.index)))
                    }
                };
                known.made.push(instance);
                cost = cost.saturating_add(instance);
            }
            cost
        }
        Payload::ComponentImportSection(section) => {
            let mut cost = items(section.count(), section.range().len());
            let Some(known) = Known::of(types) else { return Ok(cost) };
            for import in section.clone() {
                cost = cost.saturating_add(known.copied(&import?.ty));
            }
            cost
        }
        Payload::ComponentExportSection(section) => {
            let mut cost = items(section.count(), section.range().len());
            let Some(known) = Known::of(types) else { return Ok(cost) };
            for export in section.clone() {
                let export = export?;
                let instance = match export.kind {
                    ComponentExternalKind::Instance => known.instance(export.index),
                    _ => 0,
                };
                let ascribed = export.ty.as_ref().map_or(0, |ty| known.copied(ty));
                cost = cost.saturating_add(instance).saturating_add(ascribed);
            }
            cost
        }
        _ => 0,
    })
}

/// What is known of a component, a part of it being read.
struct Known<'a> {
    types: TypesRef<'a>,
    /// What the instances of this part come to, which the types do not know of yet.
    made: Vec<u64>,
}

impl<'a> Known<'a> {
    fn of(types: Option<TypesRef<'a>>) -> Option<Self> {
        types.map(|types| Self { types, made: Vec::new() })
    }

    /// An instance of this component.
    fn component(&self, index: u32) -> u64 {
        // What is not there the validator refuses.
        if index >= self.types.component_count() {
            return 0;
        }
        self.held(ComponentAnyTypeId::Component(self.types.component_at(index)))
    }

    fn instance(&self, index: u32) -> u64 {
        match index.checked_sub(self.types.component_instance_count()) {
            None => self.held(ComponentAnyTypeId::Instance(self.types.component_instance_at(index))),
            Some(made) => self.made.get(made as usize).copied().unwrap_or_default(),
        }
    }

    /// What is imported, or exported, as this type: its resources are new ones, and so is the type.
    fn copied(&self, ty: &ComponentTypeRef) -> u64 {
        match ty {
            ComponentTypeRef::Instance(index) if *index < self.types.component_type_count() => {
                self.held(self.types.component_any_type_at(*index))
            }
            _ => 0,
        }
    }

    /// What a type and all that it is made of come to, up to the most that they may.
    fn held(&self, id: ComponentAnyTypeId) -> u64 {
        let (mut held, mut left) = (0_u64, vec![id]);
        let add = |held: u64, count: usize| held.saturating_add((count as u64).saturating_mul(ITEM));
        while let Some(id) = left.pop().filter(|_| held <= MAX) {
            let list = |(name, item): (&String, &ComponentItem)| {
                held = held.saturating_add(ITEM + name.len() as u64);
                left.extend(match item.ty {
                    ComponentEntityType::Func(id) => Some(ComponentAnyTypeId::Func(id)),
                    ComponentEntityType::Type { created, .. } => Some(created),
                    ComponentEntityType::Instance(id) => Some(ComponentAnyTypeId::Instance(id)),
                    ComponentEntityType::Component(id) => Some(ComponentAnyTypeId::Component(id)),
                    ComponentEntityType::Module(_) | ComponentEntityType::Value(_) => None,
                });
            };
            match id {
                ComponentAnyTypeId::Component(id) => {
                    let ty = self.types.get(id);
                    ty.iter().flat_map(|ty| ty.imports.iter().chain(&ty.exports)).for_each(list);
                }
                ComponentAnyTypeId::Instance(id) => {
                    self.types.get(id).iter().flat_map(|ty| &ty.exports).for_each(list);
                }
                ComponentAnyTypeId::Func(id) => {
                    held = add(held, self.types.get(id).map_or(0, |ty| ty.params.len()));
                }
                ComponentAnyTypeId::Defined(id) => held = add(held, self.types.get(id).map_or(0, parts)),
                ComponentAnyTypeId::Resource(_) => {}
            }
        }
        held
    }
}

/// How many fields, cases or names a type has.
fn parts(ty: &ComponentDefinedType) -> usize {
    match ty {
        ComponentDefinedType::Record(record) => record.fields.len(),
        ComponentDefinedType::Variant(variant) => variant.cases.len(),
        ComponentDefinedType::Tuple(tuple) => tuple.types.len(),
        ComponentDefinedType::Flags(names) | ComponentDefinedType::Enum(names) => names.len(),
        _ => 1,
    }
}
