//! The interface `exchange`: dxos and shareables.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use wasmtime::component::{HasData, Resource};

use super::grants::GrantsCtx;
use super::tensors::SharedTensor;
use super::{Failure, Table, open};
use crate::bindings::flip::fl::exchange::{Host, HostDxo as HostDxoTrait, HostShareable};
use crate::bindings::flip::fl::types::{Error, Host as TypesHost, ReturnCode};
use crate::budget::{Budget, Charge, spent};
use crate::exchange::{DataKind, Dxo, DxoData, MAX_DEPTH, Meta, Shareable, entry_len};
use crate::json::Json;
use crate::limits::{Allowed, LimitReached};
use crate::policy::Change;
use crate::tensor::{Tensor, TensorError};

/// What a handle of resource `shareable` stands for.
pub type SharedShareable = Arc<Shareable>;

/// A dxo while a component holds it: its tensors can be open at the same time.
pub struct HostDxo {
    kind: DataKind,
    meta: Meta,
    data: HostData,
    /// What names, meta and values cost the component.
    charge: Charge,
    whose: Whose,
}

/// Whom a dxo belongs to, which says what a component may put in.
enum Whose {
    /// The component's, or a copy for it.
    Own,
    /// An update that it filters: names and shapes are the update's, unless the operator grants more.
    Update,
    /// A part of one, which keeps its tensors.
    Part,
}

enum HostData {
    Tensors(IndexMap<String, SharedTensor>),
    Members(IndexMap<String, Dxo>),
    Values(Json),
}

impl HostDxo {
    pub(crate) fn new(dxo: Dxo, budget: &Budget) -> Result<Self, TensorError> {
        let charge = budget.charge_texts(dxo.text_len())?;
        let kind = dxo.kind();
        Ok(Self {
            kind,
            meta: dxo.meta,
            data: match dxo.data {
                DxoData::Tensors(tensors) => HostData::Tensors(
                    tensors.into_iter().map(|(name, tensor)| (name, Arc::new(Mutex::new(tensor)))).collect(),
                ),
                DxoData::Members(members) => HostData::Members(members),
                DxoData::Values(values) => HostData::Values(values),
            },
            charge,
            whose: Whose::Own,
        })
    }

    /// An update, as a filter is given it.
    pub(crate) fn update(dxo: Dxo, budget: &Budget) -> Result<Self, TensorError> {
        Ok(Self { whose: Whose::Update, ..Self::new(dxo, budget)? })
    }

    /// A part of a dxo: nothing but what is written to its tensors comes of it.
    pub(crate) fn part(part: Dxo, budget: &Budget) -> Result<Self, TensorError> {
        Ok(Self { whose: Whose::Part, ..Self::new(part, budget)? })
    }

    /// The dxo, as the component leaves it.
    pub(crate) fn into_dxo(self) -> Dxo {
        let mut dxo = Dxo::new(self.kind);
        dxo.meta = self.meta;
        dxo.data = match self.data {
            HostData::Tensors(tensors) => {
                DxoData::Tensors(tensors.into_iter().map(|(name, tensor)| (name, take(tensor))).collect())
            }
            HostData::Members(members) => DxoData::Members(members),
            HostData::Values(values) => DxoData::Values(values),
        };
        dxo
    }
}

/// The tensor, without a copy where no handle to it is left; otherwise what handles still write is theirs.
fn take(tensor: SharedTensor) -> Tensor {
    match Arc::try_unwrap(tensor) {
        Ok(tensor) => tensor.into_inner().unwrap_or_else(PoisonError::into_inner),
        Err(shared) => lock(&shared).split_off(),
    }
}

/// The same of a tensor that may be another's as well, and goes on to be it.
fn copy(tensor: SharedTensor) -> Tensor {
    match Arc::try_unwrap(tensor) {
        Ok(tensor) => tensor.into_inner().unwrap_or_else(PoisonError::into_inner),
        Err(shared) => lock(&shared).clone(),
    }
}

fn lock(tensor: &SharedTensor) -> MutexGuard<'_, Tensor> {
    tensor.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether two tensors have the same shape; they may be one.
fn same_shape(one: &SharedTensor, other: &SharedTensor) -> bool {
    let shape = |tensor: &SharedTensor| lock(tensor).shape().to_vec();
    shape(one) == shape(other)
}

pub(crate) struct HasExchange;

impl HasData for HasExchange {
    type Data<'a> = ExchangeView<'a>;
}

pub(crate) struct ExchangeView<'a> {
    pub(crate) table: &'a mut Table,
    pub(crate) budget: &'a Budget,
    pub(crate) grants: &'a GrantsCtx,
    /// The most that one call passes to the component, in bytes.
    pub(crate) window: u64,
}

impl ExchangeView<'_> {
    fn push(&mut self, dxo: Dxo) -> Result<Resource<HostDxo>, Failure> {
        let dxo = HostDxo::new(dxo, self.budget)?;
        open(self.table, dxo)
    }

    /// Fails where a copy of so much text, for as long as the component takes it, is more than the host keeps for it. As
    /// much as one call passes goes anyway: whoever holds all that it may is still answered.
    fn room(&self, bytes: u64) -> Result<(), TensorError> {
        if bytes <= self.window { Ok(()) } else { self.budget.charge_texts(bytes).map(drop) }
    }

    pub(super) fn text(&self, value: Option<&Json>) -> wasmtime::Result<Option<String>> {
        self.room(value.map_or(0, |value| value.text().len() as u64)).map_err(spent)?;
        Ok(value.map(|value| value.text().to_owned()))
    }

    fn names_of<'n>(&self, names: impl Iterator<Item = &'n String> + Clone) -> wasmtime::Result<Vec<String>> {
        self.room(names.clone().map(|name| entry_len(name.len())).sum()).map_err(spent)?;
        Ok(names.cloned().collect())
    }

    /// A copy of a dxo that is part of something else.
    fn copy_of(&self, dxo: &Dxo) -> Result<HostDxo, Failure> {
        self.room(dxo.text_len())?;
        Ok(HostDxo::new(dxo.clone(), self.budget)?)
    }

    /// Makes room for `more` bytes of text in place of `less`.
    fn replace_text(dxo: &mut HostDxo, more: u64, less: u64) -> Result<(), Failure> {
        let bytes = dxo.charge.bytes().saturating_add(more).saturating_sub(less);
        Ok(dxo.charge.resize(bytes)?)
    }
}

fn json(text: String) -> Result<Json, Failure> {
    Json::parse(text).map_err(|error| Failure::invalid_argument(format!("no JSON: {error}")))
}

fn not_found(what: &str, name: &str) -> Failure {
    Failure::Typed(Error::NotFound(format!("no {what} is called {name:?}")))
}

impl TypesHost for ExchangeView<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.into_typed()
    }
}

impl Host for ExchangeView<'_> {}

impl HostDxoTrait for ExchangeView<'_> {
    fn create(&mut self, kind: DataKind) -> Result<Resource<HostDxo>, Failure> {
        self.push(Dxo::new(kind))
    }

    fn kind(&mut self, dxo: Resource<HostDxo>) -> wasmtime::Result<DataKind> {
        Ok(self.table.get(&dxo)?.kind)
    }

    fn meta(&mut self, dxo: Resource<HostDxo>, key: String) -> wasmtime::Result<Option<String>> {
        let value = self.table.get(&dxo)?.meta.get(&key);
        self.text(value)
    }

    fn set_meta(&mut self, dxo: Resource<HostDxo>, key: String, value: String) -> Result<(), Failure> {
        let value = json(value)?;
        let dxo = self.table.get_mut(&dxo)?;
        let less = dxo.meta.get(&key).map_or(0, |old| entry_len(key.len() + old.text().len()));
        Self::replace_text(dxo, entry_len(key.len() + value.text().len()), less)?;
        dxo.meta.insert(key, value);
        Ok(())
    }

    fn names(&mut self, dxo: Resource<HostDxo>) -> wasmtime::Result<Vec<String>> {
        match &self.table.get(&dxo)?.data {
            HostData::Tensors(tensors) => self.names_of(tensors.keys()),
            _ => Ok(Vec::new()),
        }
    }

    fn tensor(&mut self, dxo: Resource<HostDxo>, name: String) -> Result<Resource<SharedTensor>, Failure> {
        let tensor = match &self.table.get(&dxo)?.data {
            HostData::Tensors(tensors) => tensors.get(&name).cloned(),
            _ => None,
        };
        open(self.table, tensor.ok_or_else(|| not_found("tensor", &name))?)
    }

    fn set_tensor(
        &mut self,
        dxo: Resource<HostDxo>,
        name: String,
        value: Resource<SharedTensor>,
    ) -> Result<(), Failure> {
        let value = self.table.delete(value)?;
        let dxo = self.table.get_mut(&dxo)?;
        let HostData::Tensors(tensors) = &dxo.data else {
            return Err(Failure::invalid_argument(format!("a dxo of kind {} holds no tensors", dxo.kind)));
        };
        match dxo.whose {
            Whose::Own => {}
            Whose::Update => match tensors.get(&name) {
                None => self.grants.changing(Change::Names)?,
                Some(old) if !same_shape(old, &value) => self.grants.changing(Change::Shapes)?,
                Some(_) => {}
            },
            Whose::Part => {
                let reason = "the tensors of a part stay what they are; write to them".to_owned();
                return Err(Failure::Typed(Error::NotPermitted(reason)));
            }
        }
        if !tensors.contains_key(&name) {
            Self::replace_text(dxo, entry_len(name.len()), 0)?;
        }
        if let HostData::Tensors(tensors) = &mut dxo.data {
            // Taken out of its cell: what another handle still writes is its own.
            let mut value = copy(value);
            if let Some(old) = tensors.get(&name) {
                value.take_over(&mut lock(old))?;
            }
            tensors.insert(name, Arc::new(Mutex::new(value)));
        }
        Ok(())
    }

    fn values(&mut self, dxo: Resource<HostDxo>) -> Result<String, Failure> {
        let dxo = self.table.get(&dxo)?;
        match &dxo.data {
            HostData::Values(values) if values.text().len() as u64 > self.window => {
                let reached = LimitReached { limit: "call-bytes", allowed: Allowed::Bytes(self.window) };
                Err(Failure::Typed(Error::QuotaExceeded(reached.told())))
            }
            HostData::Values(values) => Ok(values.text().to_owned()),
            _ => Err(Failure::Typed(Error::NotFound(format!(
                "a dxo of kind {} holds no plain values",
                dxo.kind
            )))),
        }
    }

    fn set_values(&mut self, dxo: Resource<HostDxo>, values: String) -> Result<(), Failure> {
        let values = json(values)?;
        let dxo = self.table.get_mut(&dxo)?;
        let HostData::Values(old) = &dxo.data else {
            return Err(Failure::invalid_argument(format!(
                "a dxo of kind {} holds no plain values",
                dxo.kind
            )));
        };
        let less = old.text().len() as u64;
        Self::replace_text(dxo, values.text().len() as u64, less)?;
        dxo.data = HostData::Values(values);
        Ok(())
    }

    fn members(&mut self, dxo: Resource<HostDxo>) -> wasmtime::Result<Vec<String>> {
        match &self.table.get(&dxo)?.data {
            HostData::Members(members) => self.names_of(members.keys()),
            _ => Ok(Vec::new()),
        }
    }

    fn member(&mut self, dxo: Resource<HostDxo>, name: String) -> Result<Resource<HostDxo>, Failure> {
        let member = match &self.table.get(&dxo)?.data {
            HostData::Members(members) => members.get(&name),
            _ => None,
        };
        let copy = self.copy_of(member.ok_or_else(|| not_found("member", &name))?)?;
        open(self.table, copy)
    }

    fn set_member(
        &mut self,
        dxo: Resource<HostDxo>,
        name: String,
        value: Resource<HostDxo>,
    ) -> Result<(), Failure> {
        let value = self.table.delete(value)?.into_dxo();
        if value.depth() >= MAX_DEPTH {
            return Err(Failure::invalid_argument(format!("collections nest deeper than {MAX_DEPTH}")));
        }
        let dxo = self.table.get_mut(&dxo)?;
        let HostData::Members(members) = &dxo.data else {
            return Err(Failure::invalid_argument(format!("a dxo of kind {} has no members", dxo.kind)));
        };
        let less = members.get(&name).map_or(0, |old| entry_len(name.len()) + old.text_len());
        let more = entry_len(name.len()) + value.text_len();
        Self::replace_text(dxo, more, less)?;
        if let HostData::Members(members) = &mut dxo.data {
            members.insert(name, value);
        }
        Ok(())
    }

    fn drop(&mut self, dxo: Resource<HostDxo>) -> wasmtime::Result<()> {
        self.table.delete(dxo)?;
        Ok(())
    }
}

impl HostShareable for ExchangeView<'_> {
    fn return_code(&mut self, shareable: Resource<SharedShareable>) -> wasmtime::Result<ReturnCode> {
        Ok(self.table.get(&shareable)?.return_code)
    }

    fn header(
        &mut self,
        shareable: Resource<SharedShareable>,
        key: String,
    ) -> wasmtime::Result<Option<String>> {
        let value = self.table.get(&shareable)?.headers.get(&key);
        self.text(value)
    }

    fn dxo(&mut self, shareable: Resource<SharedShareable>) -> Result<Option<Resource<HostDxo>>, Failure> {
        let Some(dxo) = &self.table.get(&shareable)?.dxo else { return Ok(None) };
        let copy = self.copy_of(dxo)?;
        open(self.table, copy).map(Some)
    }

    fn drop(&mut self, shareable: Resource<SharedShareable>) -> wasmtime::Result<()> {
        self.table.delete(shareable)?;
        Ok(())
    }
}
