//! One opcode with its argument, out of bytes. Nothing is copied or allocated.

use super::arena::Span;
use crate::bytes::{f64_be_at, i32_at, u8_at, u16_at, u32_at, u64_at};
use crate::error::Invalid;
use crate::limits::{MAX_LINE, MAX_PICKLE};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    /// PROTO and FRAME, which say nothing that is needed.
    Skip,
    Global(Span, Span),
    StackGlobal,
    Put(u32),
    Get(u32),
    Memoize,
    Mark,
    Tuple,
    TupleOf(usize),
    EmptyList,
    EmptyDict,
    Str(Span),
    Int(i128),
    Float(f64),
    None,
    Bool(bool),
    SetItem,
    SetItems,
    Append,
    Appends,
    PersistentId,
    Reduce,
    Build,
    Stop,
}

pub(crate) enum Decoded {
    /// The opcode, its name, and where the next one stands.
    Op(Op, &'static str, usize),
    /// The opcode goes on beyond the bytes given; this many are needed in all.
    More(&'static str, usize),
}

/// Decodes the opcode at `at`; `base` is where the pickle lies in the file.
pub(crate) fn decode(data: &[u8], at: usize, base: u64) -> Result<Decoded, Invalid> {
    let Some(code) = u8_at(data, at) else {
        return Ok(Decoded::More("the next opcode", at.saturating_add(1)));
    };
    let offset = base.saturating_add(at as u64);
    let name = name_of(code);
    let fail = |problem| Invalid::Pickle { opcode: name, offset, problem };
    let arg = at.saturating_add(1);
    // The number of bytes that the argument takes, and the opcode if they are all there.
    let (size, op) = match code {
        0x80 => match u8_at(data, arg) {
            Some(6..) => return Err(fail("a protocol that does not exist")),
            version => (1, version.map(|_| Op::Skip)),
        },
        0x95 => (8, u64_at(data, arg).map(|_| Op::Skip)),
        b'c' => return global(data, arg, name, fail),
        0x93 => (0, Some(Op::StackGlobal)),
        b'q' => (1, u8_at(data, arg).map(|n| Op::Put(n.into()))),
        b'r' => (4, u32_at(data, arg).map(Op::Put)),
        b'h' => (1, u8_at(data, arg).map(|n| Op::Get(n.into()))),
        b'j' => (4, u32_at(data, arg).map(Op::Get)),
        0x94 => (0, Some(Op::Memoize)),
        b'(' => (0, Some(Op::Mark)),
        b')' => (0, Some(Op::TupleOf(0))),
        b']' => (0, Some(Op::EmptyList)),
        b'}' => (0, Some(Op::EmptyDict)),
        b't' => (0, Some(Op::Tuple)),
        0x85 => (0, Some(Op::TupleOf(1))),
        0x86 => (0, Some(Op::TupleOf(2))),
        0x87 => (0, Some(Op::TupleOf(3))),
        b'X' => return text(data, arg, 4, u32_at(data, arg), name, fail),
        0x8c => return text(data, arg, 1, u8_at(data, arg).map(u32::from), name, fail),
        b'J' => (4, i32_at(data, arg).map(|n| Op::Int(n.into()))),
        b'K' => (1, u8_at(data, arg).map(|n| Op::Int(n.into()))),
        b'M' => (2, u16_at(data, arg).map(|n| Op::Int(n.into()))),
        0x8a => return long(data, arg, name, fail),
        b'G' => (8, f64_be_at(data, arg).map(Op::Float)),
        b'N' => (0, Some(Op::None)),
        0x88 => (0, Some(Op::Bool(true))),
        0x89 => (0, Some(Op::Bool(false))),
        b's' => (0, Some(Op::SetItem)),
        b'u' => (0, Some(Op::SetItems)),
        b'a' => (0, Some(Op::Append)),
        b'e' => (0, Some(Op::Appends)),
        b'Q' => (0, Some(Op::PersistentId)),
        b'R' => (0, Some(Op::Reduce)),
        b'b' => (0, Some(Op::Build)),
        b'.' => (0, Some(Op::Stop)),
        _ => return Err(Invalid::Opcode { code, name, offset }),
    };
    let next = arg.saturating_add(size);
    Ok(op.map_or(Decoded::More(name, next), |op| Decoded::Op(op, name, next)))
}

fn span(start: usize, len: usize) -> Option<Span> {
    Some(Span { start: start.try_into().ok()?, len: len.try_into().ok()? })
}

/// GLOBAL: two lines.
fn global(
    data: &[u8],
    arg: usize,
    name: &'static str,
    fail: impl Fn(&'static str) -> Invalid,
) -> Result<Decoded, Invalid> {
    let mut start = arg;
    let mut lines = [Span { start: 0, len: 0 }; 2];
    for line in &mut lines {
        let rest = data.get(start..).unwrap_or_default();
        let head = rest.get(..MAX_LINE).unwrap_or(rest);
        let Some(len) = head.iter().position(|&byte| byte == b'\n') else {
            if head.len() == MAX_LINE {
                return Err(fail("its line does not end"));
            }
            return Ok(Decoded::More(name, data.len().saturating_add(1)));
        };
        *line = span(start, len).ok_or_else(|| fail("too far into the pickle"))?;
        start = start.saturating_add(len).saturating_add(1);
    }
    let [module, class] = lines;
    Ok(Decoded::Op(Op::Global(module, class), name, start))
}

/// BINUNICODE and its short form: a length of `width` bytes, then UTF-8.
fn text(
    data: &[u8],
    arg: usize,
    width: usize,
    len: Option<u32>,
    name: &'static str,
    fail: impl Fn(&'static str) -> Invalid,
) -> Result<Decoded, Invalid> {
    let start = arg.saturating_add(width);
    let Some(len) = len else { return Ok(Decoded::More(name, start)) };
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if len > MAX_PICKLE {
        return Err(fail("its text is longer than a pickle may be"));
    }
    let next = start.saturating_add(len);
    let Some(bytes) = data.get(start..next) else { return Ok(Decoded::More(name, next)) };
    if std::str::from_utf8(bytes).is_err() {
        return Err(fail("its text is not UTF-8"));
    }
    let span = span(start, len).ok_or_else(|| fail("too far into the pickle"))?;
    Ok(Decoded::Op(Op::Str(span), name, next))
}

/// LONG1: a length of one byte, then an integer in two's complement.
fn long(
    data: &[u8],
    arg: usize,
    name: &'static str,
    fail: impl Fn(&'static str) -> Invalid,
) -> Result<Decoded, Invalid> {
    let start = arg.saturating_add(1);
    let Some(len) = u8_at(data, arg) else { return Ok(Decoded::More(name, start)) };
    let next = start.saturating_add(usize::from(len));
    let Some(bytes) = data.get(start..next) else { return Ok(Decoded::More(name, next)) };
    let fill = if bytes.last().is_some_and(|&top| top >= 0x80) { 0xff } else { 0 };
    let mut wide = [fill; 16];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    let number = i128::from_le_bytes(wide);
    if bytes.iter().skip(16).any(|&byte| byte != fill) || (number < 0) != (fill == 0xff) {
        return Err(fail("its integer has more than 128 bits"));
    }
    Ok(Decoded::Op(Op::Int(number), name, next))
}

/// The names of Python's pickletools, so that a refusal can be looked up.
fn name_of(code: u8) -> &'static str {
    match code {
        0x80 => "PROTO",
        0x95 => "FRAME",
        b'c' => "GLOBAL",
        0x93 => "STACK_GLOBAL",
        b'q' => "BINPUT",
        b'r' => "LONG_BINPUT",
        b'h' => "BINGET",
        b'j' => "LONG_BINGET",
        0x94 => "MEMOIZE",
        b'(' => "MARK",
        b')' => "EMPTY_TUPLE",
        b']' => "EMPTY_LIST",
        b'}' => "EMPTY_DICT",
        b't' => "TUPLE",
        0x85 => "TUPLE1",
        0x86 => "TUPLE2",
        0x87 => "TUPLE3",
        b'X' => "BINUNICODE",
        0x8c => "SHORT_BINUNICODE",
        b'J' => "BININT",
        b'K' => "BININT1",
        b'M' => "BININT2",
        0x8a => "LONG1",
        b'G' => "BINFLOAT",
        b'N' => "NONE",
        0x88 => "NEWTRUE",
        0x89 => "NEWFALSE",
        b's' => "SETITEM",
        b'u' => "SETITEMS",
        b'a' => "APPEND",
        b'e' => "APPENDS",
        b'Q' => "BINPERSID",
        b'R' => "REDUCE",
        b'b' => "BUILD",
        b'.' => "STOP",
        b'0' => "POP",
        b'1' => "POP_MARK",
        b'2' => "DUP",
        b'F' => "FLOAT",
        b'I' => "INT",
        b'L' => "LONG",
        0x8b => "LONG4",
        b'P' => "PERSID",
        b'S' => "STRING",
        b'T' => "BINSTRING",
        b'U' => "SHORT_BINSTRING",
        b'V' => "UNICODE",
        0x8d => "BINUNICODE8",
        b'B' => "BINBYTES",
        b'C' => "SHORT_BINBYTES",
        0x8e => "BINBYTES8",
        0x96 => "BYTEARRAY8",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        b'd' => "DICT",
        b'l' => "LIST",
        0x8f => "EMPTY_SET",
        0x90 => "ADDITEMS",
        0x91 => "FROZENSET",
        b'g' => "GET",
        b'p' => "PUT",
        b'i' => "INST",
        b'o' => "OBJ",
        0x81 => "NEWOBJ",
        0x92 => "NEWOBJ_EX",
        0x82 => "EXT1",
        0x83 => "EXT2",
        0x84 => "EXT4",
        _ => "(unknown)",
    }
}
