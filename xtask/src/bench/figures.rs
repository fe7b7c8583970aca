//! What a benchmark found, as it is printed, kept, and put on the page.

use comfy_table::presets::ASCII_MARKDOWN;
use serde::{Deserialize, Serialize};

/// What one benchmark found.
#[derive(Serialize, Deserialize)]
pub struct Figures {
    /// The title of its section.
    pub title: String,
    /// What was measured; figures stand in here and below, and nowhere else.
    pub text: String,
    pub tables: Vec<Table>,
    pub plots: Vec<Plot>,
    /// What there is to say of the result.
    pub result: String,
    /// What is aimed at; of sizes that were not measured, nothing.
    pub targets: Vec<Target>,
    /// On what machine, and at which commit.
    pub measured: String,
}

/// What is aimed at, and what came of it.
#[derive(Serialize, Deserialize)]
pub struct Target {
    aim: String,
    measured: String,
    verdict: String,
}

impl Target {
    pub fn new(aim: impl Into<String>, measured: impl Into<String>, met: bool) -> Self {
        let verdict = if met { "met" } else { "not met" };
        Self { aim: aim.into(), measured: measured.into(), verdict: verdict.to_owned() }
    }

    /// The same where it was not met, and this is why it could not be.
    pub fn unless(mut self, why: &str, impossible: bool) -> Self {
        if impossible && self.verdict != "met" {
            why.clone_into(&mut self.verdict);
        }
        self
    }

    /// All of them in one table, with the titles of their sections; nothing where there are none.
    pub fn table(all: &[Figures]) -> Option<String> {
        let mut table = comfy_table::Table::new();
        table.load_style(ASCII_MARKDOWN).set_header(["", "target", "measured", ""]);
        for Figures { title, targets, .. } in all {
            for Self { aim, measured, verdict } in targets {
                table.add_row([title, aim, measured, verdict]);
            }
        }
        (!table.is_empty()).then(|| table.to_string())
    }
}

/// A table under a heading of its own, which may be empty.
#[derive(Serialize, Deserialize)]
pub struct Table {
    pub caption: String,
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(caption: impl Into<String>, header: &[&str]) -> Self {
        let header = header.iter().map(|&column| column.to_owned()).collect();
        Self { caption: caption.into(), header, rows: Vec::new() }
    }
}

/// How something grows with size, on logarithmic axes.
#[derive(Serialize, Deserialize)]
pub struct Plot {
    /// The file's name, without its ending.
    pub name: String,
    pub title: String,
    pub x: String,
    pub y: String,
    pub lines: Vec<Line>,
}

/// One way's line.
#[derive(Serialize, Deserialize)]
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    pub fn new(name: &str, title: &str, x: &str, y: &str, ways: impl IntoIterator<Item = String>) -> Self {
        let lines = ways.into_iter().map(|name| Line { name, points: Vec::new() });
        Self { name: name.into(), title: title.into(), x: x.into(), y: y.into(), lines: lines.collect() }
    }

    /// Adds a point to each way's line, in their order; what is zero or not known has no place on the axes.
    pub fn add(&mut self, x: f64, values: impl IntoIterator<Item = Option<f64>>) {
        for (line, y) in self.lines.iter_mut().zip(values) {
            line.points.extend(y.filter(|y| *y > 0.0).map(|y| (x, y)));
        }
    }
}

impl Figures {
    /// As Markdown that reads well on a terminal, too; the plots as links to `folder`.
    pub fn markdown(&self, folder: &str) -> String {
        let mut text = format!("## {}\n\n{}\n\n{}\n", self.title, self.text, self.measured);
        for Table { caption, header, rows } in &self.tables {
            let mut table = comfy_table::Table::new();
            table.load_style(ASCII_MARKDOWN).set_header(header).add_rows(rows);
            let caption = if caption.is_empty() { String::new() } else { format!("\n{caption}:\n") };
            text.push_str(&format!("{caption}\n{table}\n"));
        }
        for Plot { name, title, .. } in &self.plots {
            text.push_str(&format!("\n![{title}]({folder}/{name}.svg)\n"));
        }
        if !self.result.is_empty() {
            text.push_str(&format!("\n{}\n", self.result));
        }
        text
    }
}

/// A time in the unit that suits it.
pub fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.1} ms", s * 1e3),
        s if s >= 1e-6 => format!("{:.1} µs", s * 1e6),
        s => format!("{:.1} ns", s * 1e9),
    }
}

/// How many times as much.
pub fn ratio(ratio: f64) -> String {
    match ratio {
        ratio if !ratio.is_finite() => String::new(),
        ratio if ratio >= 10.0 => format!("{ratio:.0}"),
        ratio if ratio >= 0.1 => format!("{ratio:.2}"),
        ratio => format!("{ratio:.4}"),
    }
}

pub fn bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes / f64::from(1 << 20) {
        mebibytes if mebibytes >= 1.0 => format!("{mebibytes:.1} MiB"),
        mebibytes => format!("{:.1} KiB", mebibytes * 1024.0),
    }
}

/// Bytes in seconds, in GB/s.
pub fn throughput(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 / seconds / 1e9
}

/// Millions.
pub fn millions(number: u64) -> String {
    format!("{} M", number as f64 / 1e6)
}
