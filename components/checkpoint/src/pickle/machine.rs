//! The machine: a stack, marks and a memo over the arena. Each opcode makes at most one node, so what a
//! pickle makes is bounded by its length, and nothing here recurses.

use super::arena::{Arena, Global, Id, Node};
use super::calls::{self, Called};
use super::opcodes::{Decoded, Op, decode};
use crate::error::{Invalid, shown_bytes};
use crate::limits::{MAX_STEPS, MAX_VALUES};

pub(crate) enum Progress {
    /// STOP: the result, and the length of the pickle.
    Done { root: Id, end: usize },
    /// The pickle goes on; this many bytes of it are needed.
    More(usize),
}

pub(crate) struct Machine {
    base: u64,
    at: usize,
    opcode: &'static str,
    steps: usize,
    arena: Arena,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: Vec<Option<Id>>,
    memoised: usize,
}

impl Machine {
    /// A machine for the pickle at the offset `base` of the file.
    pub(crate) fn new(base: u64) -> Self {
        Self {
            base,
            at: 0,
            opcode: "its first opcode",
            steps: 0,
            arena: Arena::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
            memoised: 0,
        }
    }

    pub(crate) fn last_opcode(&self) -> &'static str {
        self.opcode
    }

    pub(crate) fn into_arena(self) -> Arena {
        self.arena
    }

    /// Runs as far as `data` reaches. The next call gives the same bytes, and more.
    pub(crate) fn run(&mut self, data: &[u8]) -> Result<Progress, Invalid> {
        loop {
            let (op, next) = match decode(data, self.at, self.base)? {
                Decoded::More(opcode, needed) => {
                    self.opcode = opcode;
                    return Ok(Progress::More(needed));
                }
                Decoded::Op(op, opcode, next) => {
                    self.opcode = opcode;
                    (op, next)
                }
            };
            self.steps = self.steps.saturating_add(1);
            if self.steps > MAX_STEPS {
                return Err(too_many("opcodes of a pickle", MAX_STEPS));
            }
            if self.arena.len() >= MAX_VALUES {
                return Err(too_many("values of a pickle", MAX_VALUES));
            }
            if matches!(op, Op::Stop) {
                let root = self.pop()?;
                if !self.stack.is_empty() || !self.marks.is_empty() {
                    return Err(self.fail("values are left on the stack"));
                }
                return Ok(Progress::Done { root, end: next });
            }
            self.step(op, data)?;
            self.at = next;
        }
    }

    fn step(&mut self, op: Op, data: &[u8]) -> Result<(), Invalid> {
        match op {
            Op::Skip | Op::Stop => {}
            Op::None => self.make(Node::None),
            Op::Bool(value) => self.make(Node::Bool(value)),
            Op::Int(value) => self.make(Node::Int(value)),
            Op::Float(value) => self.make(Node::Float(value)),
            Op::Str(span) => self.make(Node::Str(span)),
            Op::EmptyList => self.make(Node::List(Vec::new())),
            Op::EmptyDict => self.make(Node::Dict { ordered: false, items: Vec::new() }),
            Op::Mark => self.marks.push(self.stack.len()),
            Op::Tuple => {
                let items = self.pop_mark()?;
                self.make(Node::Tuple(items));
            }
            Op::TupleOf(len) => {
                let start = self.stack.len().checked_sub(len).filter(|&start| start >= self.floor());
                let start = start.ok_or_else(|| self.fail("the stack is too short"))?;
                let items = self.stack.split_off(start);
                self.make(Node::Tuple(items));
            }
            Op::Global(module, name) => self.global(module.bytes(data), name.bytes(data))?,
            Op::StackGlobal => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Node::Str(name), Node::Str(module)) = (self.arena.get(name), self.arena.get(module))
                else {
                    return Err(self.fail("the names are not texts"));
                };
                self.global(module.bytes(data), name.bytes(data))?;
            }
            Op::Put(index) => self.put(usize::try_from(index).unwrap_or(usize::MAX))?,
            Op::Memoize => self.put(self.memoised)?,
            Op::Get(index) => {
                let found =
                    usize::try_from(index).ok().and_then(|index| self.memo.get(index).copied().flatten());
                let id = found.ok_or_else(|| self.fail("nothing was put at this index of the memo"))?;
                self.stack.push(id);
            }
            Op::Append => {
                let item = self.pop()?;
                self.extend_list(vec![item])?;
            }
            Op::Appends => {
                let items = self.pop_mark()?;
                self.extend_list(items)?;
            }
            Op::SetItem => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.extend_dict(&[key, value])?;
            }
            Op::SetItems => {
                let items = self.pop_mark()?;
                self.extend_dict(&items)?;
            }
            Op::PersistentId => {
                let id = self.pop()?;
                let storage = calls::storage(&self.arena, data, id).map_err(|problem| self.fail(problem))?;
                self.make(storage);
            }
            Op::Reduce => {
                let (args, callable) = (self.pop()?, self.pop()?);
                match calls::call(&self.arena, callable, args).map_err(|problem| self.fail(problem))? {
                    Called::New(node) => self.make(node),
                    Called::Same(id) => self.stack.push(id),
                }
            }
            Op::Build => {
                // Only torch's `_metadata` attribute of an OrderedDict, which nobody here needs.
                let state = self.pop()?;
                if !matches!(self.arena.get(state), Node::Dict { .. }) {
                    return Err(self.fail("the state is not a dict"));
                }
                if !matches!(self.top().map(|id| self.arena.get(id))?, Node::Dict { ordered: true, .. }) {
                    return Err(self.fail("the object is not an OrderedDict"));
                }
            }
        }
        Ok(())
    }

    fn fail(&self, problem: &'static str) -> Invalid {
        Invalid::Pickle { opcode: self.opcode, offset: self.offset(), problem }
    }

    fn offset(&self) -> u64 {
        self.base.saturating_add(self.at as u64)
    }

    fn make(&mut self, node: Node) {
        let id = self.arena.add(node);
        self.stack.push(id);
    }

    /// Opcodes without a mark may not reach below the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, Invalid> {
        let above = self.stack.get(self.floor()..).unwrap_or_default();
        above.last().copied().ok_or_else(|| self.fail("the stack is too short"))
    }

    fn pop(&mut self) -> Result<Id, Invalid> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, Invalid> {
        let mark = self.marks.pop().ok_or_else(|| self.fail("there is no mark"))?;
        // Marks never lie above the stack: opcodes do not pop beyond the last one.
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn put(&mut self, index: usize) -> Result<(), Invalid> {
        let id = self.top()?;
        // Picklers count upwards: an index beyond the opcodes so far would only waste memory.
        if index > self.steps {
            return Err(self.fail("the index of the memo runs ahead"));
        }
        if index >= self.memo.len() {
            self.memo.resize(index.saturating_add(1), None);
        }
        if let Some(slot) = self.memo.get_mut(index)
            && slot.replace(id).is_none()
        {
            self.memoised = self.memoised.saturating_add(1);
        }
        Ok(())
    }

    fn global(&mut self, module: &[u8], name: &[u8]) -> Result<(), Invalid> {
        let global = Global::named(module, name).ok_or_else(|| Invalid::Global {
            module: shown_bytes(module),
            name: shown_bytes(name),
            offset: self.offset(),
        })?;
        self.make(Node::Global(global));
        Ok(())
    }

    fn extend_list(&mut self, mut items: Vec<Id>) -> Result<(), Invalid> {
        let target = self.top()?;
        match self.arena.get_mut(target) {
            Some(Node::List(list)) => list.append(&mut items),
            _ => return Err(self.fail("the target is not a list")),
        }
        Ok(())
    }

    fn extend_dict(&mut self, flat: &[Id]) -> Result<(), Invalid> {
        let target = self.top()?;
        let (pairs, rest) = flat.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.fail("a key without a value"));
        }
        let scalar =
            |id| !matches!(self.arena.get(id), Node::List(_) | Node::Dict { .. } | Node::Tensor { .. });
        if !pairs.iter().all(|&[key, _]| scalar(key)) {
            return Err(self.fail("a key that cannot be one"));
        }
        match self.arena.get_mut(target) {
            Some(Node::Dict { items, .. }) => items.extend(pairs.iter().map(|&[key, value]| (key, value))),
            _ => return Err(self.fail("the target is not a dict")),
        }
        Ok(())
    }
}

fn too_many(what: &str, limit: usize) -> Invalid {
    Invalid::TooLarge { what: what.to_owned(), size: (limit as u64).saturating_add(1), limit: limit as u64 }
}
