//! Of how many core instances a component is made, and what the host keeps for each.

use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Instance, Payload,
};

use super::invalid;
use super::module::Module;

/// What the host keeps for an instance of a component, and for a function that passes in or out of one, with what wasmtime
/// makes of its own where that is another component.
const COMPONENT: u64 = 512;
const CANONICAL: u64 = 256;

/// What instances come to.
#[derive(Clone, Copy, Default)]
pub(super) struct Made {
    /// How many core instances there are.
    pub(super) instances: u64,
    /// The bytes that the host keeps for them, beside their memories and tables.
    pub(super) bytes: u64,
    /// Whether they can make resources of their own.
    pub(super) resources: bool,
}

/// Counts them, part by part.
#[derive(Default)]
pub(super) struct Instances {
    /// The component that is read, within those that it lies in, and the core module that is read within that.
    levels: Vec<Level>,
    made: Made,
}

#[derive(Default)]
struct Level {
    is_component: bool,
    /// What it has itself.
    made: Made,
    /// What each component has that it can instantiate; none of one that comes from elsewhere.
    components: Vec<Option<Made>>,
    /// What an instance of each core module takes; none of one that comes from elsewhere.
    modules: Vec<Option<u64>>,
    /// What was read of it, where it is a core module.
    module: Module,
}

impl Instances {
    /// Those of the whole, once all parts were added.
    pub(super) fn made(&self) -> Made {
        self.made
    }

    /// Adds a part of the component.
    pub(super) fn add(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        match payload {
            Payload::Version { encoding, .. } => {
                let is_component = *encoding == Encoding::Component;
                self.levels.push(Level { is_component, ..Level::default() });
            }
            Payload::End(_) => self.end(),
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if let Instance::Instantiate { module_index, .. } = instance.map_err(invalid)? {
                        let bytes = known(self.module(0, module_index))?;
                        self.make(Made { instances: 1, bytes, ..Made::default() });
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate { component_index, .. } =
                        instance.map_err(invalid)?
                    {
                        let made = known(self.component(0, component_index))?;
                        self.make(Made { bytes: made.bytes.saturating_add(COMPONENT), ..made });
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                let bytes = u64::from(section.count()) * CANONICAL;
                self.make(Made { bytes, ..Made::default() });
                for function in section.clone() {
                    let resources =
                        matches!(function.map_err(invalid)?, CanonicalFunction::ResourceNew { .. });
                    self.make(Made { resources, ..Made::default() });
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    match import.map_err(invalid)?.ty {
                        ComponentTypeRef::Component(_) => self.know_component(None),
                        ComponentTypeRef::Module(_) => self.know_module(None),
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export.map_err(invalid)?;
                    match export.kind {
                        ComponentExternalKind::Component => {
                            self.know_component(self.component(0, export.index));
                        }
                        ComponentExternalKind::Module => self.know_module(self.module(0, export.index)),
                        _ => {}
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    self.alias(&alias.map_err(invalid)?);
                }
            }
            of_module => {
                if let Some(level) = self.levels.last_mut().filter(|level| !level.is_component) {
                    level.module.add(of_module).map_err(invalid)?;
                }
            }
        }
        Ok(())
    }

    /// The component or the module that is being read ends.
    fn end(&mut self) {
        let ended = self.levels.pop().unwrap_or_default();
        match (self.levels.is_empty(), ended.is_component) {
            (true, _) => self.made = ended.made,
            (false, true) => self.know_component(Some(ended.made)),
            (false, false) => self.know_module(Some(ended.module.instance())),
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match *alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                self.know_component(None);
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => {
                self.know_module(None)
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                self.know_component(self.component(count, index));
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                self.know_module(self.module(count, index));
            }
            _ => {}
        }
    }

    /// The component that is being read makes more.
    fn make(&mut self, more: Made) {
        if let Some(Level { made, .. }) = self.levels.last_mut() {
            made.instances = made.instances.saturating_add(more.instances);
            made.bytes = made.bytes.saturating_add(more.bytes);
            made.resources |= more.resources;
        }
    }

    /// It has one component more.
    fn know_component(&mut self, made: Option<Made>) {
        self.levels.last_mut().into_iter().for_each(|level| level.components.push(made));
    }

    /// It has one core module more.
    fn know_module(&mut self, bytes: Option<u64>) {
        self.levels.last_mut().into_iter().for_each(|level| level.modules.push(bytes));
    }

    /// What the component of this number has, so many levels out.
    fn component(&self, out: u32, index: u32) -> Option<Made> {
        at(&self.levels, out, index, |level| &level.components).flatten()
    }

    fn module(&self, out: u32, index: u32) -> Option<u64> {
        at(&self.levels, out, index, |level| &level.modules).flatten()
    }
}

/// What is there under a number, so many levels out. What is not there the validator refuses.
fn at<T: Copy>(levels: &[Level], out: u32, index: u32, list: fn(&Level) -> &Vec<T>) -> Option<T> {
    list(levels.iter().rev().nth(out as usize)?).get(index as usize).copied()
}

/// What is instantiated must be known: nothing else bounds what that takes.
fn known<T>(made: Option<T>) -> Result<T, String> {
    made.ok_or_else(|| {
        "a component within it instantiates a component or a core module that is handed to it: what that takes cannot \
         be told"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use crate::inspect::Inspection;

    fn of(text: &str) -> u64 {
        inspected(text).unwrap().core_instances
    }

    fn inspected(text: &str) -> Result<Inspection, String> {
        Inspection::of(&wat::parse_str(text).unwrap())
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

    #[test]
    fn what_the_host_keeps_for_an_instance_is_counted_as_often_as_it_is_made() {
        let bytes = |text: &str| inspected(text).unwrap().instance_bytes;
        let module =
            |count: usize| format!("(core module $m {})", "(global i32 (i32.const 0))".repeat(count));
        let made = |times: usize| "(core instance (instantiate $m))".repeat(times);
        let once = bytes(&format!("(component {} {})", module(1_000), made(1)));
        assert!(once > 16_000, "{once}");
        assert_eq!(bytes(&format!("(component {} {})", module(1_000), made(7))), 7 * once);
        assert_eq!(bytes(&format!("(component {})", module(1_000))), 0);
        let within = format!("(component $c {} {})", module(1_000), made(2));
        let twice = "(instance (instantiate $c))".repeat(2);
        assert_eq!(bytes(&format!("(component {within} {twice})")), 4 * once + 2 * super::COMPONENT);
        // The module of a component may lie outside of it.
        let outside = format!(
            "(component {} (component $c (alias outer 1 $m (core module $m)) {}) {twice})",
            module(1_000),
            made(2)
        );
        assert_eq!(bytes(&outside), 4 * once + 2 * super::COMPONENT);
    }

    #[test]
    fn what_is_handed_to_a_component_within_is_not_instantiated_there() {
        let refused = |text: &str| {
            let error = inspected(text).unwrap_err();
            assert!(error.contains("what that takes cannot be told"), "{error}");
        };
        let large = format!("(core module $m {})", "(global i32 (i32.const 0))".repeat(1_000));
        refused(&format!(
            "(component (component $c (import \"m\" (core module $m)) (core instance (instantiate $m)))
                {large} (instance (instantiate $c (with \"m\" (core module $m)))))"
        ));
        refused(&format!(
            "(component (component $c {large} (export \"m\" (core module $m))) (instance $i (instantiate $c))
                (alias export $i \"m\" (core module $of)) (core instance (instantiate $of)))"
        ));
        refused(&format!(
            "(component (component $c (import \"c\" (component $d)) (instance (instantiate $d)))
                (component $large {large} (core instance (instantiate $m)))
                (instance (instantiate $c (with \"c\" (component $large)))))"
        ));
        // That it is handed on is nothing.
        inspected(&format!("(component {large} (export \"m\" (core module $m)))")).unwrap();
    }
}
