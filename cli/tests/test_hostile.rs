//! Case files that nobody would write: an error that says what is wrong with them, and nothing else happens.

use crate::support::Site;

fn run(cases: &[u8]) -> String {
    let site = Site::new();
    site.write("cases.yaml", cases);
    let shown = site.run(&["test", "percentile-privacy", "cases.yaml"]);
    // Whatever stands in it, the answer is for somebody to read.
    assert!(shown.len() < 4_000, "{} bytes: {}", shown.len(), shown.chars().take(1_000).collect::<String>());
    shown
}

#[test]
fn a_file_that_is_no_case_file_is_exit_code_6() {
    let laughs: Vec<_> = ('b'..'k')
        .map(|letter| {
            let before = char::from_u32(u32::from(letter) - 1).unwrap();
            format!("    {letter}: &{letter} [{}]\n", vec![format!("*{before}"); 9].join(","))
        })
        .collect();
    let members = 20_000;
    let files = [
        ("nothing", String::new()),
        ("a list", "- 1\n".to_owned()),
        ("open brackets", format!("cases: {}", "[".repeat(200_000))),
        (
            "deep args",
            format!("cases:\n- name: a\n  args: {{x: {}{}}}\n", "[".repeat(100_000), "]".repeat(100_000)),
        ),
        (
            "deep members",
            format!(
                "cases:\n- name: a\n  calls:\n  - filter: {}{{}}{}\n",
                "{members: {a: ".repeat(members),
                "}}".repeat(members)
            ),
        ),
        (
            "a billion laughs",
            format!("cases:\n- name: a\n  args:\n    a: &a [x,x,x,x,x,x,x,x,x]\n{}", laughs.concat()),
        ),
        ("an alias in itself", "cases: &a\n- name: a\n  args: { x: *a }\n".to_owned()),
        (
            "ten million bytes of cases",
            format!("cases:\n{}", "- name: a\n  args: { off: true }\n".repeat(300_000)),
        ),
        ("too many bytes", format!("# {}", "x".repeat(17 << 20))),
        ("a key twice", "cases:\n- name: a\n  name: b\n".to_owned()),
    ];
    for (what, text) in files {
        let shown = run(text.as_bytes());
        assert!(
            shown.starts_with("exit code 6\n") && shown.contains("error: cases.yaml: "),
            "{what}: {shown}"
        );
    }
    for bytes in [&b"cases:\n- name: \"\xff\xfe\"\n"[..], b"\0\0\0\0", b"\xfe\xff\0c\0a"] {
        let shown = run(bytes);
        assert!(shown.starts_with("exit code 6\n"), "{bytes:?}: {shown}");
    }
}

#[test]
fn a_case_that_cannot_be_set_up_fails_and_says_why() {
    for (case, told) in [
        (
            "calls: [{ filter: { tensors: { w: { shape: [4294967296, 4294967296], fill: 1 } } } }]",
            "too large to fill",
        ),
        ("calls: [{ filter: { tensors: { w: { shape: [1073741824], fill: 1 } } } }]", "too large to fill"),
        (
            "calls: [{ filter: { tensors: { w: { shape: [2], values: [1] } } } }]",
            "4 bytes given for a tensor of 8 bytes",
        ),
        (
            "calls: [{ filter: { tensors: { w: { dtype: int8, values: [.inf] } } } }]",
            "inf is no element of int8",
        ),
        ("calls: [{ filter: { kind: WEIGHT, tensors: {} } }]", "unknown kind \"WEIGHT\""),
        ("grants: { directory: { job: read } }", "grants: unknown field `directory`"),
        ("limits: { memory: lots }", "limits: "),
        ("now: yesterday", "now: "),
        ("calls: [{ event: x, host: [{ call: a, after: 10 parsecs }] }]", "after: \"10 parsecs\""),
        ("workspace: { job/../../x: y }", "is no path in one of"),
        ("workspace: { job/x: { file: /dev/zero } }", "not a regular file"),
        ("workspace: { job/x: { base64: '!' } }", "base64: "),
        ("workspace: { job/x: { zip: {} } }", "can be expected, but not put there"),
        ("workspace: { images/l: { link: /tmp }, images/l/x: y }", "lies behind a link"),
        ("workspace: { job/x: y, job/x/z: y }", "job/x"),
    ] {
        let shown = run(format!("cases:\n- name: a\n  {case}\n").as_bytes());
        assert!(shown.starts_with("exit code 1\n") && shown.contains(told), "{case}: {shown}");
    }
}
