//! Hostile pickles, each named after what it tries.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use checkpoint::Value;
use common::*;

/// A file whose object is this.
fn holding(body: impl Into<Vec<u8>>) -> Vec<u8> {
    zipped(&pickle(body.into()), &[])
}

fn raw(pickle: &[u8]) -> Vec<u8> {
    zipped(pickle, &[])
}

fn train_conf(value: Vec<u8>) -> Vec<u8> {
    holding(dict(&[("model", b"}".to_vec()), ("train_conf", value)]))
}

#[test]
fn nesting_without_end() {
    let million = 1_000_000;
    for (open, close) in [(b']', b'a'), (b')', 0x85), (b'}', b'a')] {
        let mut body = vec![open; million];
        body.extend(vec![close; million - 1]);
        exercise(&holding(body)).unwrap_err();
    }
    let mut deep = vec![b'N'];
    deep.extend(vec![0x85; million]);
    refused(&holding(deep.clone()), "the checkpoint is not a dict of named entries: it is of the kind tuple");
    refused(&train_conf(deep), "value 'train_conf/0/0/0/0/0/0/0': nested too deeply");
    let mut lists = vec![b']'; million];
    lists.extend(vec![b'a'; million - 1]);
    refused(&train_conf(lists), "nested too deeply");
}

#[test]
fn a_list_that_holds_itself() {
    refused(&train_conf(b"]q\x07h\x07a".to_vec()), "nested too deeply");
    refused(&train_conf(b"}q\x07NX\x01\0\0\0ah\x07ub".to_vec()), "SETITEMS");
    refused(&train_conf([b"}q\x07".to_vec(), text("a"), b"h\x07s".to_vec()].concat()), "nested too deeply");
}

#[test]
fn shared_tuples_that_double_again_and_again() {
    let mut body = vec![b'N'];
    for index in 0..60_u8 {
        body.extend([b'q', index, b'h', index, 0x86]);
    }
    refused(&train_conf(body), "too many values");
    // The same through lists and dicts, and through the memo of protocol 4.
    let mut body = b"(N\x94".to_vec();
    for index in 0..40_u8 {
        body.extend([b']', 0x94, b'(', b'h', index, b'h', index, b'e']);
    }
    body.push(b't');
    refused(&train_conf(body), "too many values");
}

#[test]
fn a_shared_text_that_swells() {
    let mut body = b"](".to_vec();
    body.extend(text(&"x".repeat(1 << 20)));
    body.extend(b"q\x01");
    body.extend(b"h\x01".repeat(1000));
    body.push(b'e');
    refused(&train_conf(body), "too much text");
}

#[test]
fn indices_of_the_memo_that_lie() {
    let ahead = "the index of the memo runs ahead";
    refused(&holding(b"Nr\xff\xff\xff\xff"), &format!("LONG_BINPUT at offset 50: {ahead}"));
    refused(&holding(b"Nr\x05\0\0\0"), ahead);
    refused(&holding(b"h\x05"), "BINGET at offset 49: nothing was put");
    refused(&holding(b"j\xff\xff\xff\xff"), "LONG_BINGET at offset 49: nothing was put");
    refused(&holding(b"q\0"), "BINPUT at offset 49: the stack is too short");
    refused(&holding(b"(\x94"), "MEMOIZE at offset 50: the stack is too short");
}

#[test]
fn integers_of_all_widths() {
    refused(&train_conf([vec![0x8a, 255], vec![0x7f; 255]].concat()), "more than 128 bits");
    refused(&train_conf([vec![0x8a, 17], vec![0; 15], vec![0x80, 0]].concat()), "more than 128 bits");
    refused(&train_conf([vec![0x8a, 17], vec![0xff; 15], vec![0x7f, 0xff]].concat()), "more than 128 bits");
    let cases: [(&[u8], i128); 8] = [
        (b"\x8a\0", 0),
        (b"\x8a\x01\xff", -1),
        (b"\x8a\x02\xff\0", 255),
        (b"\x8a\x14\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 1),
        (b"\x8a\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80", i128::MIN),
        (b"J\xfe\xff\xff\xff", -2),
        (b"K\xfe", 254),
        (b"M\xfe\xff", 65534),
    ];
    for (body, number) in cases {
        assert_eq!(open(&train_conf(body.to_vec())).unwrap().train_conf(), Some(&Value::Int(number)));
    }
}

#[test]
fn texts_that_lie() {
    refused(&raw(b"\x80\x02X\xff\xff\xff\xff."), "BINUNICODE at offset 49: its text is longer than a pickle");
    refused(&raw(b"\x80\x02X\0\0\x10\0."), "in BINUNICODE, at offset 47 needs 1048583 bytes");
    refused(&raw(b"\x80\x02\x8c\xffabc."), "in SHORT_BINUNICODE,");
    refused(&raw(b"\x80\x02\x8c\x02\xff\xfe."), "SHORT_BINUNICODE at offset 49: its text is not UTF-8");
}

#[test]
fn globals_that_do_not_end() {
    refused(&raw(b"\x80\x02ctorch."), "in GLOBAL,");
    refused(&raw(b"\x80\x02ctorch\nFloatStorage."), "in GLOBAL,");
    refused(
        &raw(&[b"\x80\x02c".to_vec(), vec![b'a'; 4 << 20]].concat()),
        "GLOBAL at offset 49: its line does not end",
    );
}

#[test]
fn globals_that_are_not_weights() {
    for (module, name) in [
        ("os", "system"),
        ("builtins", "eval"),
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("torch", "FloatStorage\r"),
        ("torch._utils", "_rebuild_tensor"),
        ("collections", "OrderedDict.fromkeys"),
        ("", ""),
    ] {
        let says = format!("pickle global '{module}.{}' at offset 49", name.escape_debug());
        refused(&holding(global(module, name)), &says);
        let stacked = [text(module), text(name), vec![0x93]].concat();
        refused(&holding(stacked), "is not allowed");
    }
    refused(&holding(b"NN\x93"), "STACK_GLOBAL at offset 51: the names are not texts");
    let long = "x".repeat(1000);
    assert!(refusal(&holding(global(&long, "\u{1b}[31m\0"))).len() < 300);
}

#[test]
fn opcodes_that_weights_do_not_need() {
    for (code, name) in [
        (b'i', "INST"),
        (b'o', "OBJ"),
        (0x81, "NEWOBJ"),
        (0x92, "NEWOBJ_EX"),
        (0x82, "EXT1"),
        (b'P', "PERSID"),
        (b'0', "POP"),
        (b'2', "DUP"),
        (b'I', "INT"),
        (0x8b, "LONG4"),
        (0x8d, "BINUNICODE8"),
        (0x8e, "BINBYTES8"),
        (0x8f, "EMPTY_SET"),
        (b'g', "GET"),
        (0xff, "(unknown)"),
    ] {
        let says = format!("pickle opcode {name} ({code:#04x}) at offset 49 is not allowed");
        refused(&raw(&[0x80, 2, code]), &says);
    }
    refused(&raw(b"\x80\x06}."), "PROTO at offset 47: a protocol that does not exist");
}

#[test]
fn stacks_that_do_not_hold() {
    for (body, says) in [
        (&b"e"[..], "APPENDS at offset 49: there is no mark"),
        (b"]Ne", "APPENDS at offset 51: there is no mark"),
        (b"u", "SETITEMS at offset 49: there is no mark"),
        (b"t", "TUPLE at offset 49: there is no mark"),
        (b"(e", "APPENDS at offset 50: the stack is too short"),
        (b"a", "APPEND at offset 49: the stack is too short"),
        (b"]a", "APPEND at offset 50: the stack is too short"),
        (b"](Na", "APPEND at offset 52: the stack is too short"),
        (b"}a", "APPEND"),
        (b"}Na", "APPEND at offset 51: the target is not a list"),
        (b")Na", "APPEND at offset 51: the target is not a list"),
        (b"}Ns", "SETITEM at offset 51: the stack is too short"),
        (b"]NNs", "SETITEM at offset 52: the target is not a dict"),
        (b"}(Nu", "SETITEMS at offset 52: a key without a value"),
        (b"}]Ns", "SETITEM at offset 52: a key that cannot be one"),
        (b"N\x86", "TUPLE2 at offset 50: the stack is too short"),
        (b"N(N\x86", "TUPLE2 at offset 52: the stack is too short"),
        (b"R", "REDUCE at offset 49: the stack is too short"),
        (b"N)R", "REDUCE at offset 51: what it calls is not a global"),
        (b"NNR", "REDUCE at offset 51: the arguments are not a tuple"),
        (b"}}b", "BUILD at offset 51: the object is not an OrderedDict"),
        (b"Nb", "BUILD"),
        (b"", "STOP at offset 49: the stack is too short"),
        (b"(", "STOP at offset 50: the stack is too short"),
        (b"(N", "STOP at offset 51: values are left on the stack"),
        (b"NN", "STOP at offset 51: values are left on the stack"),
        (b"Q", "BINPERSID at offset 49: the stack is too short"),
        (b"NQ", "BINPERSID at offset 50: the persistent id is not"),
    ] {
        refused(&holding(body), says);
    }
    refused(&holding([ORDERED, b"Nb"].concat()), "BUILD at offset 77: the state is not a dict");
    refused(&raw(b"\x80\x02}"), "the next opcode, at offset 47 needs 4 bytes");
    refused(&raw(b""), "needs 1 bytes");
}

#[test]
fn calls_that_do_not_fit() {
    for (name, args) in [
        (global("collections", "OrderedDict"), b"]\x85".to_vec()),
        (global("torch", "FloatStorage"), b")".to_vec()),
        (global("torch._utils", "_rebuild_tensor_v2"), b")".to_vec()),
        (global("torch._utils", "_rebuild_tensor_v2"), b"(NNNNNNt".to_vec()),
        (global("torch._utils", "_rebuild_parameter"), b"N\x89N\x87".to_vec()),
        (global("torch", "Size"), b"N\x85".to_vec()),
        (global("torch", "device"), b"N\x85".to_vec()),
    ] {
        refused(&holding([name, args, b"R".to_vec()].concat()), "REDUCE at offset");
    }
}

/// torch 2 adds a seventh argument for tensors that are lazily conjugated or negated.
#[test]
fn a_tensor_with_metadata_of_its_own() {
    let args = |more: Vec<u8>| {
        let mut body = global("torch._utils", "_rebuild_tensor_v2");
        let storage = persistent("ByteStorage", "0", 3);
        body.extend(tuple(&[storage, int(0), ints(&[3]), ints(&[1]), vec![0x89], ORDERED.to_vec(), more]));
        body.push(b'R');
        zipped(&pickle(dict(&[("w", body)])), &[("0", &[1, 2, 3])])
    };
    for harmless in [vec![], vec![b'N'], vec![b'}']] {
        open(&args(harmless)).unwrap();
    }
    let says = "the arguments of _rebuild_tensor_v2 are not a plain tensor's";
    refused(&args(dict(&[("neg", vec![0x88])])), says);
    refused(&args(b"NN".to_vec()), says);
}

#[test]
fn a_storage_is_never_a_view_nor_of_negative_size() {
    let mut view = tuple(&[
        text("storage"),
        global("torch", "FloatStorage"),
        text("0"),
        text("cpu"),
        int(4),
        tuple(&[text("1"), int(0), int(4)]),
    ]);
    view.push(b'Q');
    refused(&holding(view), "a storage that is a view of another");
    refused(&holding(persistent("FloatStorage", "0", -1)), "the storage's size is no size");
    let wrong = "the persistent id is not ('storage', type, key, location, numel)";
    let mut module =
        tuple(&[text("module"), global("torch", "FloatStorage"), text("0"), text("cpu"), int(4)]);
    module.push(b'Q');
    refused(&holding(module), wrong);
    let mut size = tuple(&[text("storage"), global("torch", "Size"), text("0"), text("cpu"), int(4)]);
    size.push(b'Q');
    refused(&holding(size), wrong);
}

#[test]
fn state_dicts_with_other_things_in_them() {
    let tensor = rebuild(persistent("ByteStorage", "0", 3), 0, &[3], &[1]);
    let mixed = dict(&[("w", tensor.clone()), ("epoch", int(3)), ("note", text("x"))]);
    let says = "entries of the state dict are not tensors: 'epoch' (int), 'note' (str)";
    refused(&zipped(&pickle(mixed.clone()), &[("0", &[1, 2, 3])]), says);
    refused(&zipped(&pickle(dict(&[("model", mixed)])), &[("0", &[1, 2, 3])]), says);
    let many: Vec<String> = (0..20).map(|index| format!("n{index}")).collect();
    let many: Vec<(&str, Vec<u8>)> = many.iter().map(|name| (name.as_str(), vec![b'N'])).collect();
    refused(&holding(dict(&many)), "'n7' (None), 12 more");
    refused(&holding(b"}NNs"), "one of its keys is of the kind None");
    refused(&holding(b"]"), "it is of the kind list");
    let twice = dict(&[("w", tensor.clone()), ("w", tensor.clone())]);
    refused(&zipped(&pickle(twice), &[("0", &[1, 2, 3])]), "entry 'w' occurs more than once");
    let nested = dict(&[("model", b"}".to_vec()), ("meta_props", dict(&[("best", tensor)]))]);
    refused(
        &zipped(&pickle(nested), &[("0", &[1, 2, 3])]),
        "value 'meta_props/best': a tensor is no plain value",
    );
    let repeated = dict(&[("a", int(1)), ("a", int(2))]);
    refused(&train_conf(repeated), "key 'a' occurs more than once");
}

#[test]
fn a_tensor_called_model_is_a_tensor() {
    let tensor = rebuild(persistent("ByteStorage", "0", 3), 0, &[3], &[1]);
    let file = zipped(&pickle(dict(&[("model", tensor)])), &[("0", &[1, 2, 3])]);
    assert_eq!(open(&file).unwrap().tensors()[0].name(), "model");
}

#[test]
fn parameters_sizes_devices_and_metadata_are_understood() {
    let tensor = rebuild(persistent("ByteStorage", "0", 3), 0, &[3], &[1]);
    let mut parameter = global("torch._utils", "_rebuild_parameter");
    parameter.extend(tuple(&[tensor, vec![0x88], ORDERED.to_vec()]));
    parameter.push(b'R');
    let mut model = [ORDERED.to_vec(), b"(".to_vec(), text("w"), parameter, b"u".to_vec()].concat();
    model.extend([dict(&[("_metadata", ORDERED.to_vec())]), b"b".to_vec()].concat());
    let size = [global("torch", "Size"), ints(&[2, 3]), b"\x85R".to_vec()].concat();
    let cpu = [global("torch", "device"), text("cpu"), b"\x85R".to_vec()].concat();
    let cuda = [global("torch", "device"), text("cuda"), int(1), b"\x86R".to_vec()].concat();
    let meta = dict(&[("size", size), ("cpu", cpu), ("cuda", cuda)]);
    let file = zipped(&pickle(dict(&[("meta_props", meta), ("model", model)])), &[("0", &[1, 2, 3])]);
    let checkpoint = open(&file).unwrap();
    assert_eq!(checkpoint.tensors()[0].name(), "w");
    let Some(Value::Dict(items)) = checkpoint.meta_props() else { panic!("{:?}", checkpoint.meta_props()) };
    let values: Vec<&Value> = items.iter().map(|(_, value)| value).collect();
    let text = |value: &str| Value::Str(value.to_owned());
    assert_eq!(values, [&Value::Tuple(vec![Value::Int(2), Value::Int(3)]), &text("cpu"), &text("cuda:1")]);
}

#[test]
fn protocol_4_is_read() {
    // FRAME, SHORT_BINUNICODE, STACK_GLOBAL and MEMOIZE instead of their elders.
    let short = |value: &str| [vec![0x8c, value.len() as u8], value.as_bytes().to_vec(), vec![0x94]].concat();
    let mut body = b"\x80\x04\x95\x80\0\0\0\0\0\0\0}\x94".to_vec();
    body.extend(
        [short("w"), short("torch._utils"), short("_rebuild_tensor_v2"), b"\x93\x94((".to_vec()].concat(),
    );
    body.extend([short("storage"), short("torch"), short("ByteStorage"), b"\x93\x94".to_vec()].concat());
    body.extend(
        [short("0"), short("cpu"), b"K\x03t\x94QK\0K\x03\x85\x94K\x01\x85\x94\x89".to_vec()].concat(),
    );
    body.extend(
        [short("collections"), short("OrderedDict"), b"\x93\x94)R\x94t\x94R\x94s.".to_vec()].concat(),
    );
    let file = zipped(&body, &[("0", &[7, 8, 9])]);
    let checkpoint = open(&file).unwrap();
    assert_eq!(read_all(&file, &checkpoint.tensors()[0], 2).unwrap(), [7, 8, 9]);
}
