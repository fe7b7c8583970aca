//! The configuration files of a job.

use flip_runtime::Json;
use flip_runtime::job::{AppConfig, Entry, JobConfig, Kind};

use crate::files::{in_folder, put};
use crate::message::assert_one_line;

/// Stands between the files; in a text of JSON it is nowhere.
const BETWEEN: &[u8] = b"\n---\n";
/// What the args of all entries of a file may come to, with the variables put in.
const ARGS: usize = 20 << 20;

/// Reads the configuration that the input is: the server's file, the client's and the environment, one after
/// the other with a line `---` between.
pub fn job_config(data: &[u8]) {
    in_folder(|folder| {
        let mut rest = Some(data);
        for file in ["config_fed_server.json", "config_fed_client.json", "environment.json"] {
            let part = rest.map(|all| {
                let at = all.windows(BETWEEN.len()).position(|part| part == BETWEEN);
                rest = at.map(|at| &all[at + BETWEEN.len()..]);
                at.map_or(all, |at| &all[..at])
            });
            put(&folder.join(file), part);
        }
        match JobConfig::read(folder) {
            Ok(config) => [&config.server, &config.client].into_iter().for_each(check),
            Err(error) => assert_one_line(error),
        }
    });
}

fn check(config: &AppConfig) {
    let mut ids: Vec<_> = config.components.iter().map(|entry| &entry.id).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "an id comes twice");
    let filters = config.task_result_filters.iter().chain(&config.task_data_filters);
    let filters: Vec<&Entry> = filters.flat_map(|filters| &filters.filters).collect();
    assert!(filters.iter().all(|filter| !matches!(filter.kind, Kind::Engine { .. })));
    let executors = config.executors.iter().map(|(_, entry)| entry);
    let entries = config.components.iter().chain(executors).chain(filters).chain(&config.workflows);
    let mut size = 0;
    for entry in entries {
        size += entry.args.len();
        let args = Json::parse(entry.args.as_str()).expect("args are JSON");
        args.members().expect("args are an object");
    }
    assert!(size <= ARGS, "args of {size} bytes");
}
