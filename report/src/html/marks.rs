//! From moments to the marks of a timeline: what is close together is one mark, so that a page of any run is small.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::model::{Kind, Moment, Report};

/// The most lanes; a place beyond them is only counted.
const MAX_LANES: usize = 40;

/// The most marks of a kind of row, in all lanes together.
const MAX_MARKS: usize = 1_200;

/// The most columns of a lane.
const MAX_COLUMNS: usize = 160;

/// The most columns of signs, which are wider than bars.
const MAX_SIGNS: usize = 48;

/// The moments that a mark tells of.
const TOLD: usize = 4;

/// What stands where in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// Refusals and failures, and what went out of the sandbox.
    Effects,
    /// Tasks and filters, as long as they took.
    Work,
    /// Events, as many as there were.
    Events,
}

impl Row {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Task | Kind::Filter => Self::Work,
            Kind::Event | Kind::Other => Self::Events,
            _ => Self::Effects,
        }
    }
}

/// One mark: a moment, or several that are close together.
#[derive(Debug)]
pub struct Mark<'a> {
    /// Where it begins, from 0 to 1.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
    /// The most serious kind in it.
    pub kind: Kind,
    /// How many moments it stands for, equal ones in a row included.
    pub times: u64,
    /// The first and most serious of them, with their places in the timeline.
    pub told: Vec<(usize, &'a Moment)>,
}

/// A place's marks.
#[derive(Debug, Default)]
pub struct Lane<'a> {
    /// By row, in order.
    pub rows: BTreeMap<Row, Vec<Mark<'a>>>,
}

/// A timeline's marks.
#[derive(Debug)]
pub struct Marks<'a> {
    /// By the name of the place.
    pub lanes: IndexMap<&'a str, Lane<'a>>,
    /// The places that have no lane.
    pub left_out: u64,
    /// When the first moment began, in seconds: what came before is the job's set-up.
    pub begin: f64,
    /// When the last one ended; always later.
    pub end: f64,
}

impl<'a> Marks<'a> {
    /// Those of a report.
    pub fn of(report: &'a Report) -> Self {
        let mut names: IndexMap<&str, ()> =
            report.places.iter().map(|place| (place.name.as_str(), ())).collect();
        names.extend(report.timeline.iter().map(|moment| (moment.place.as_str(), ())));
        let left_out = names.len().saturating_sub(MAX_LANES) as u64;
        names.truncate(MAX_LANES);
        let ends =
            report.timeline.iter().map(|moment| finite(moment.at) + finite(moment.seconds.unwrap_or(0.0)));
        let end = ends.fold(finite(report.seconds.unwrap_or(0.0)), f64::max);
        let begins = report.timeline.iter().map(|moment| finite(moment.at));
        let begin = begins.reduce(f64::min).unwrap_or(0.0);
        let length = if end > begin { end - begin } else { 1.0 };
        let columns = (MAX_MARKS / names.len().max(1)).min(MAX_COLUMNS);
        let mut cells: BTreeMap<(usize, Row, usize), Mark<'a>> = BTreeMap::new();
        for (index, moment) in report.timeline.iter().enumerate() {
            let Some(lane) = names.get_index_of(moment.place.as_str()) else { continue };
            let start = ((finite(moment.at) - begin) / length).min(1.0);
            let stop = (start + finite(moment.seconds.unwrap_or(0.0)) / length).min(1.0);
            let row = Row::of(moment.kind);
            let columns = if row == Row::Effects { columns.min(MAX_SIGNS) } else { columns };
            let column = ((start * columns as f64) as usize).min(columns.saturating_sub(1));
            let mark = cells.entry((lane, row, column)).or_insert_with(|| Mark {
                start,
                end: stop,
                kind: moment.kind,
                times: 0,
                told: Vec::new(),
            });
            mark.end = mark.end.max(stop);
            mark.times = mark.times.saturating_add(moment.times.max(1));
            if moment.kind.rank() < mark.kind.rank() {
                mark.kind = moment.kind;
            }
            mark.told.push((index, moment));
            mark.told.sort_by_key(|(_, moment)| moment.kind.rank());
            mark.told.truncate(TOLD);
        }
        let mut lanes: IndexMap<&str, Lane<'a>> =
            names.into_keys().map(|name| (name, Lane::default())).collect();
        for ((lane, row, _), mark) in cells {
            if let Some((_, lane)) = lanes.get_index_mut(lane) {
                lane.rows.entry(row).or_default().push(mark);
            }
        }
        Self { lanes, left_out, begin, end: begin + length }
    }
}

/// A time that can be reckoned with.
fn finite(seconds: f64) -> f64 {
    if seconds.is_finite() { seconds.clamp(0.0, 1e12) } else { 0.0 }
}
