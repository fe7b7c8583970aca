//! How many core instances a component is made of.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Instance, Payload,
};

/// Counts them, part by part.
#[derive(Default)]
pub(super) struct Instances {
    /// The component that is read, within those that it lies in; core modules among them.
    levels: Vec<Level>,
    made: u64,
}

#[derive(Default)]
struct Level {
    is_component: bool,
    /// How many it has itself.
    made: u64,
    /// How many each component has that it can instantiate. Of one that comes from elsewhere nothing is known.
    components: Vec<u64>,
}

impl Instances {
    /// Those of the whole, once all parts were added.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// Adds a part of the component.
    pub(super) fn add(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::Version { encoding, .. } => {
                self.levels
                    .push(Level { is_component: *encoding == Encoding::Component, ..Level::default() });
            }
            Payload::End(_) => {
                let ended = self.levels.pop().unwrap_or_default();
                match self.levels.last_mut() {
                    Some(outer) if ended.is_component => outer.components.push(ended.made),
                    Some(_) => {}
                    None => self.made = ended.made,
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if matches!(instance?, Instance::Instantiate { .. }) {
                        self.make(1);
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        self.make(self.component(0, component_index));
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    if matches!(import?.ty, ComponentTypeRef::Component(_)) {
                        self.know(0);
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Component {
                        self.know(self.component(0, export.index));
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    match alias? {
                        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                            self.know(0);
                        }
                        ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                            self.know(self.component(count, index));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The component that is being read makes more.
    fn make(&mut self, more: u64) {
        if let Some(level) = self.levels.last_mut() {
            level.made = level.made.saturating_add(more);
        }
    }

    /// It has one component more.
    fn know(&mut self, made: u64) {
        self.levels.last_mut().into_iter().for_each(|level| level.components.push(made));
    }

    /// What the component of this number has, so many levels out. What is not there the validator refuses.
    fn component(&self, out: u32, index: u32) -> u64 {
        let level = self.levels.iter().rev().nth(out as usize);
        level.and_then(|level| level.components.get(index as usize)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use crate::inspect::Inspection;

    fn of(text: &str) -> u64 {
        Inspection::of(&wat::parse_str(text).unwrap()).unwrap().core_instances
    }

    #[test]
    fn instances_are_those_of_components_within_it_as_often_as_they_are_made() {
        assert_eq!(of("(component)"), 0);
        let made = "(core module $m) (core instance (instantiate $m)) (core instance (instantiate $m))";
        assert_eq!(of(&format!("(component {made})")), 2);
        assert_eq!(of(&format!("(component (component $c {made}))")), 0);
        let twice = "(instance (instantiate $c)) (instance (instantiate $c))";
        assert_eq!(of(&format!("(component (component $c {made}) {twice})")), 4);
        let of_outer =
            format!("(component (component $c {made}) (component $d {twice}) (instance (instantiate $d)))");
        assert_eq!(of(&of_outer), 4);
        let only_names = "(core module $m (func (export \"f\"))) (core instance $i (instantiate $m)) \
                          (core instance (export \"f\" (func $i \"f\")))";
        assert_eq!(of(&format!("(component {only_names})")), 1);
    }

    #[test]
    fn components_that_double_again_and_again_are_counted_at_once() {
        let mut inner = "(component $c (core module $m) (core instance (instantiate $m)))".to_owned();
        for _ in 0..25 {
            inner = format!("(component $c {inner} (instance (instantiate $c)) (instance (instantiate $c)))");
        }
        assert_eq!(of(&format!("(component {inner} (instance (instantiate $c)))")), 1 << 25);
    }
}
