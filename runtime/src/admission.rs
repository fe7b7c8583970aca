//! What a site's policy makes of a component: which file it must be, and what it is granted.

use std::sync::Arc;

use crate::builtin::Builtin;
use crate::component::{Component, Source};
use crate::error::Error;
use crate::inspect::Digest;
use crate::instance::InstanceBuilder;
use crate::limits::Limits;
use crate::policy::{Grants, Policy};
use crate::runtime::Runtime;

/// A component that was loaded under a policy, and what the policy grants to it.
#[derive(Clone)]
pub struct Admitted {
    /// The component.
    pub component: Component,
    /// What it is granted; without limits of their own, those of the runtime hold.
    pub grants: Grants,
    /// Whether somebody asked for this very file, by its digest.
    pub pinned: bool,
    /// The name of the policy's table that is in force, or would be.
    table: Arc<str>,
}

impl Admitted {
    /// Starts to make an instance with what is granted.
    pub fn instance(&self) -> InstanceBuilder {
        let builder = self.component.instance().pinned(self.pinned).grants(self.grants.clone());
        builder.table(self.table.clone())
    }

    /// What an instance may use.
    pub fn limits(&self) -> &Limits {
        self.grants.limits.as_ref().unwrap_or(self.component.runtime.limits())
    }
}

impl Runtime {
    /// Loads a component as a policy has it. `id` is its id in the job; `pin` is the digest that whoever
    /// configured the job asks for. What has not the digest that it must have is not even compiled.
    ///
    /// # Errors
    ///
    /// [`Error::Pinned`] for another file than the one that was asked for, else as [`Runtime::load`].
    pub fn admit(
        &self,
        source: &Source,
        id: &str,
        policy: &Policy,
        pin: Option<Digest>,
    ) -> Result<Admitted, Error> {
        let InForce { grants, table, found } = InForce::of(source, id, policy)?;
        if !found {
            tracing::debug!(component = id, "no policy names it: nothing is granted to it");
        }
        let check = |bytes: &[u8]| {
            let actual = Digest::of(bytes);
            let pins = [(grants.sha256, "the policy"), (pin, "the configuration")];
            let other = pins.into_iter().find_map(|(pin, by)| Some((pin.filter(|pin| *pin != actual)?, by)));
            match other {
                None => Ok(()),
                Some((expected, by)) => Err(Error::Pinned { component: source.name(), by, expected, actual }),
            }
        };
        let component = match source {
            Source::Builtin(builtin) => {
                check(builtin.wasm)?;
                self.load_builtin(builtin)?
            }
            Source::File(_) | Source::OfJob { .. } => {
                let limits = grants.limits.as_ref().unwrap_or(self.limits());
                let bytes = source.bytes(limits)?;
                check(&bytes)?;
                let loaded = self.load_within(&source.name(), &bytes, limits);
                loaded.map_err(|error| match error {
                    Error::Limit { component, reached, .. } => {
                        Error::Limit { component, reached, table: table.to_string() }
                    }
                    error => error,
                })?
            }
        };
        let pinned = grants.sha256.is_some() || pin.is_some();
        Ok(Admitted { component, grants, pinned, table })
    }
}

/// What is granted to a component.
struct InForce {
    grants: Grants,
    /// The name of the policy's table that grants it; where there is none, of one that would.
    table: Arc<str>,
    /// Whether any policy names it.
    found: bool,
}

impl InForce {
    fn of(source: &Source, id: &str, policy: &Policy) -> Result<Self, Error> {
        // A job's author names files and ids: what is granted to a built-in component is its own.
        let name = source.name();
        let is_file = !matches!(source, Source::Builtin(_));
        let names = [id, &*name].into_iter();
        let names: Vec<_> = names.filter(|name| !is_file || Builtin::find(name).is_err()).collect();
        if let Some((table, grants)) = policy.in_force(&names) {
            return Ok(Self { grants: grants.clone(), table: table.into(), found: true });
        }
        // That of its name, which is known before any job; of its id, where that is a built-in component's.
        let table = names.last().copied().unwrap_or(&name).into();
        Ok(match source {
            Source::Builtin(builtin) => Self { grants: builtin.grants()?, table, found: true },
            Source::File(_) | Source::OfJob { .. } => Self { grants: Grants::default(), table, found: false },
        })
    }
}
