//! The page and the reader on every kind of report, and on reports that attack them.

#[path = "../examples/render/fixtures/mod.rs"]
mod fixtures;

use flip_report::{
    Besides, Component, Failure, MAX_BYTES, Place, Ran, ReadError, Report, Sent, Task, html, json,
};
use proptest::prelude::*;
use serde_json::{Value, json as value};

#[cfg(test)]
fn fixture(name: &str) -> Report {
    fixtures::all().into_iter().find(|(other, _)| *other == name).unwrap().1
}

fn said(report: &Report) -> Vec<String> {
    let verdict = report.verdict();
    let sentences = verdict.sentences.iter().map(|(topic, sentence)| format!("{}: {sentence}", topic.name()));
    [verdict.status, verdict.headline.to_string()].into_iter().chain(sentences).collect()
}

#[test]
fn a_report_is_the_same_after_it_was_written_and_read() {
    for (name, report) in fixtures::all() {
        let json = serde_json::to_vec(&report).unwrap();
        assert!(Report::read(&json).unwrap() == report, "{name}");
    }
}

#[test]
fn the_largest_page_stays_below_two_million_bytes_and_so_does_its_json() {
    let mut report = fixture("large");
    assert_eq!(report.timeline.len(), 10_000);
    let small = |report: &Report| {
        let (page, json) = (html(report).len(), json(report).unwrap().len());
        assert!(page < 2_000_000 && json < 2_000_000, "page {page}, JSON {json}");
    };
    small(&report);
    let site = report.places[1].clone();
    report.places.extend((3..=40).map(|n| Place { name: format!("site-{n}"), ..site.clone() }));
    small(&report);
}

#[test]
fn a_standard_job_is_told_in_plain_english() {
    let said = said(&fixture("standard-job"));
    assert_eq!(said[..2], ["Done", "4 results left, filtered; nothing was refused."]);
    assert!(said.contains(
        &"Left: 4 results of 3.0 MiB in all left site-1 and site-2, each through a filter.".into()
    ));
    assert!(said.contains(&"Refused: Nothing was refused.".to_owned()));
    assert_eq!(said.last().unwrap(), "Ended: The run came to its end.");
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let said = said(&fixture("refused-job"));
    let headline = "1 of 4 results was held back and did not leave; 1 call was not permitted.";
    assert_eq!(said[..2], ["Data was held back", headline]);
    let refused: Vec<_> = said.iter().filter(|line| line.starts_with("Refused: ")).collect();
    assert_eq!(
        refused,
        [
            "Refused: The result of train was held back at site-2 by percentile_privacy: \
             the update has a tensor with NaN: decoder.out.weight.",
            "Refused: CleanupImages at site-2: not permitted: directories = { images = \"read\" } under \
             [components.CleanupImages].",
        ]
    );
}

#[test]
fn a_failed_case_and_data_that_passed_by_are_told() {
    assert_eq!(said(&fixture("test"))[..2], ["1 case failed", "2 of 3 test cases passed."]);
    let filter = said(&fixture("filter"));
    assert_eq!(filter[1], "1 result left, and no filter worked on all of it; nothing was refused.");
}

#[test]
fn data_that_a_filter_failed_on_is_a_warning() {
    let mut report = fixture("standard-job");
    report.results[0].unfiltered = vec!["percentile_privacy".to_owned()];
    let said = said(&report);
    assert_eq!(
        said[..2],
        ["Done, with unfiltered data", "4 results left, 1 of them unfiltered; nothing was refused."]
    );
    let sentence =
        "Left: The policy let the result of train leave site-1 although percentile_privacy failed on it.";
    assert!(said.contains(&sentence.to_owned()), "{said:?}");
}

#[test]
fn what_a_filter_left_as_it_was_is_not_called_filtered() {
    let mut report = fixture("standard-job");
    report.results[0].filters[0].leaves[0].outcome = flip_report::Outcome::Unchanged;
    assert_eq!(said(&report)[1], "4 results left, 1 of them unfiltered; nothing was refused.");
}

#[test]
fn nothing_was_refused_was_said_where_a_component_went_on_without_what_it_may_not() {
    let mut report = fixture("standard-job");
    report.places[0].components[0].usage.refusals = 3;
    let id = report.places[0].components[0].id.clone();
    let said = said(&report);
    assert_eq!(
        said[..2],
        ["Done, with refused calls", "4 results left, filtered; 3 calls were not permitted."]
    );
    let refused = format!(
        "Refused: {id} at server: 3 calls into the host that its policy does not grant; it went on without."
    );
    assert!(said.contains(&refused), "{said:?}");
    assert!(!said.iter().any(|line| line.contains("othing was refused")));
}

#[test]
fn failed_tasks_and_data_that_was_not_let_in_were_missing() {
    let mut report = fixture("standard-job");
    let task = |code: &str, executor: &str, exception: &str| Task {
        at: "site-1".to_owned(),
        task: "train".to_owned(),
        executor: executor.to_owned(),
        return_code: code.to_owned(),
        exception: Some(exception.to_owned()),
        ..Task::default()
    };
    report.tasks = vec![task("EXECUTION_EXCEPTION", "trainer", "no image")];
    let failed = said(&report);
    assert_eq!(failed[0], "A task failed");
    assert!(
        failed.contains(&"Failed: The task train at site-1, in trainer: no image.".to_owned()),
        "{failed:?}"
    );
    report.tasks.push(task("TASK_DATA_FILTER_ERROR", "scale", "Scale: refused: too large"));
    let kept_out = said(&report);
    assert_eq!(
        kept_out[..2],
        ["Data was not let in", "4 results left, filtered; the data of 1 task was not let in."]
    );
    let refused = "Refused: The data of train was not let in at site-1 by scale: Scale: refused: too large.";
    assert!(kept_out.contains(&refused.to_owned()), "{kept_out:?}");
}

#[test]
fn a_refusal_named_its_filter_twice() {
    let mut report = fixture("refused-job");
    let held = report.results.iter_mut().find_map(|result| result.refused.as_mut()).unwrap();
    held.error = "PercentilePrivacy: refused: a tensor has NaN".to_owned();
    let place = report.places.iter_mut().find(|place| place.name == "site-2").unwrap();
    let filter = place.components.iter_mut().find(|component| component.id == "percentile_privacy").unwrap();
    filter.name = "PercentilePrivacy".to_owned();
    let sentence =
        "Refused: The result of train was held back at site-2 by percentile_privacy: a tensor has NaN.";
    assert!(said(&report).contains(&sentence.to_owned()), "{:?}", said(&report));
    assert!(!html(&report).contains("PercentilePrivacy: refused"));
}

#[test]
fn what_was_sent_to_the_hub_is_told_and_on_a_developers_machine_nothing_was() {
    let mut report = fixture("standard-job");
    report.sent = Sent { metrics: 12, exceptions: 1, lost: 2 };
    let sent = said(&report);
    for sentence in
        ["12 metrics and 1 exception.", "2 requests with a metric or an exception did not reach it."]
    {
        assert!(sent.contains(&format!("Told the hub: {sentence}")), "{sent:?}");
    }
    report.local_dev = true;
    report.places[0].components[0].failures = vec![Failure {
        what: "_end_run".to_owned(),
        code: "component-failed".to_owned(),
        error: "CleanupImages: unavailable: local dev: nothing is deleted or uploaded".to_owned(),
    }];
    let withheld = said(&report);
    assert_eq!(withheld[0], "Done");
    assert!(
        !withheld.iter().any(|line| line.starts_with("Told") || line.starts_with("Failed")),
        "{withheld:?}"
    );
}

#[test]
fn what_was_stored_and_deleted_and_is_not_listed_is_summed() {
    let mut component = Component { id: "cleaner".to_owned(), of_trail: true, ..Component::default() };
    component.usage.stored_besides = Besides { count: 1, bytes: 100, ..Besides::default() };
    component.usage.deleted_besides = Besides { count: 3, files: 7, bytes: 70 };
    let mut report = Report::new("0.1.0", Ran::Job);
    report.places =
        vec![Place { name: "server".to_owned(), components: vec![component], ..Place::default() }];
    let said = said(&report);
    for sentence in ["Stored: 1 object of 100 B in all.", "Deleted: 7 files of 70 B."] {
        assert!(said.contains(&sentence.to_owned()), "{said:?}");
    }
    let page = html(&report);
    assert!(!page.contains("Nothing was deleted") && !page.contains("Nothing was stored"), "{page}");
    assert!(
        page.contains("stored <data value=\"1\">1</data> object of <data value=\"100\">100 B</data>."),
        "{page}"
    );
    assert!(
        page.contains("deleted <data value=\"3\">3</data> times: <data value=\"7\">7</data> files of"),
        "{page}"
    );
}

#[test]
fn cuts_of_tensors_and_of_stages_were_not_marked() {
    let mut report = fixture("filter");
    let number = |page: &str, of: &str| page.matches(of).count();
    let (spark, cuts) = ("<svg class=\"spark\"", "<path class=\"cuts\"");
    let page = html(&report);
    assert_eq!((number(&page, cuts), number(&page, ">gamma</th>")), (number(&page, spark), 0));
    // Eight stages, of which six are marked, with one gamma.
    let change = report.results[0].filters[0].leaves[0].change.as_mut().unwrap();
    (change.all.cutoff, change.all.gamma) = (None, None);
    for (index, tensor) in change.tensors.iter_mut().enumerate() {
        tensor.change.cutoff = Some(0.001 + 0.000_1 * (index % 8) as f64);
    }
    let page = html(&report);
    assert_eq!(number(&page, "\"line stage cutoff\""), 6);
    assert_eq!(number(&page, "\"line stage gamma\""), 1);
    assert!(page.contains("gammas of stages: 0.005<"), "{page}");
    // It tells the steps of each stage.
    let scaled = "cutoff and gamma times the steps, in the scale of Δw";
    assert!(!page.contains(scaled));
    report.results[0].filters[0].leaves[0].gauges.insert("stage encoder: steps".to_owned(), Some(4.0));
    assert!(html(&report).contains(scaled));
    report.results[0].filters[0].leaves[0].gauges.insert("stage encoder: steps".to_owned(), Some(1.0));
    assert!(!html(&report).contains(scaled));
    assert!(html(&fixture("standard-job")).contains(scaled));
    // The update as a whole has neither.
    assert_eq!((number(&page, cuts) + 1, number(&page, ">gamma</th>")), (number(&page, spark), 1));
}

#[test]
fn hostile_names_are_text() {
    let report = fixture("hostile");
    let page = html(&report);
    for tag in ["<script", "<img", "</style></title>", "\u{202e}", "\u{2066}", "\u{200b}", "\u{7}", "\u{0}"] {
        assert!(!page.contains(tag), "{tag:?}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("\\u{202e}gnp.exe\\u{2066}\\u{200b}\\u{7}\\n\\r\\u{0}"));
    assert!(page.contains("… (10,000 characters)"));
    assert!(
        said(&report).iter().all(|line| !line.contains(['\u{202e}', '\n', '\u{7}']) && line.len() < 4_000)
    );
}

#[test]
fn what_is_wrong_with_a_file_is_said_and_where() {
    let read = |json: Value| Report::read(json.to_string().as_bytes()).unwrap_err();
    assert!(matches!(Report::read(b"PK\x03\x04").unwrap_err(), ReadError::NoReport { .. }));
    assert!(matches!(read(value!([])), ReadError::NoReport { .. }));
    assert!(matches!(Report::read("[".repeat(100_000).as_bytes()).unwrap_err(), ReadError::NoReport { .. }));
    assert_eq!(read(value!({"report": 2, "ran": 7})), ReadError::Format { found: 2 });
    let components = value!([{"id": "a"}, {"id": "b", "usage": {"calls": -1}}]);
    let error =
        read(value!({"report": 1, "version": "", "ran": "job", "places": [{"components": components}]}));
    let ReadError::Invalid { path, reason } = error else { panic!("{error}") };
    assert_eq!(path, "places[0].components[1].usage.calls");
    assert!(reason.contains("-1"), "{reason}");
    let deep = format!(r#"{{"report":1,"version":"","ran":"job","unknown":{}"#, "[".repeat(100_000));
    assert!(Report::read(deep.as_bytes()).is_err());
    assert!(matches!(Report::read(&vec![b' '; MAX_BYTES + 1]), Err(ReadError::TooLarge { .. })));
}

#[test]
fn what_another_version_says_does_not_matter() {
    let moment = value!({"at": 1.0, "kind": "teleport", "text": "x", "speed": 3});
    let json = value!({"report": 1, "version": "9", "ran": "job", "timeline": [moment], "new": [1, 2]});
    let report = Report::read(json.to_string().as_bytes()).unwrap();
    assert_eq!(report.timeline[0].kind.name(), "other");
    assert!(html(&report).contains("something else"));
}

/// Every place in a JSON text where a value stands.
fn places(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, all: &mut Vec<String>) {
        all.push(at.to_owned());
        match value {
            Value::Array(items) => {
                // The first ones stand for all.
                items
                    .iter()
                    .take(2)
                    .enumerate()
                    .for_each(|(index, item)| walk(item, &format!("{at}/{index}"), all));
            }
            Value::Object(members) => {
                for (key, item) in members {
                    walk(item, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all);
                }
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    walk(value, "", &mut all);
    all
}

fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        prop::sample::select(vec![
            value!(null),
            value!([]),
            value!({}),
            value!(u64::MAX),
            value!(1e308),
            value!(-1e308),
            value!(5e-324),
            value!(0.0),
            value!("\u{202e}<script>"),
            value!(true),
        ]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_file_breaks_the_page(changes in prop::collection::vec((any::<prop::sample::Index>(), odd_value()), 1..6)) {
        for name in ["refused-job", "filter"] {
            let mut json = serde_json::to_value(fixture(name)).unwrap();
            let places = places(&json);
            for (place, value) in &changes {
                if let Some(changed) = json.pointer_mut(place.get::<String>(&places)) {
                    *changed = value.clone();
                }
            }
            if let Ok(report) = Report::read(json.to_string().as_bytes()) {
                let page = html(&report);
                prop_assert!(!page.contains("<script"), "{name}");
                prop_assert!(!page.contains('\u{202e}'), "{name}");
                prop_assert!(!page.contains("NaN%"), "{name}");
                said(&report);
            }
        }
    }
}
