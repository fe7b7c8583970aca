//! A job whose server runs what attacks, and nothing else; its trace is events. It runs in a blink.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use flip_wasm_tests::ERRAND;
use serde_json::{Value, json};

use super::Site;

/// The job, in the directory that the program runs in.
pub struct Job {
    pub site: Site,
    components: Vec<Value>,
    policy: String,
    trace: String,
}

/// The arguments that run it.
pub const RUN: [&str; 8] =
    ["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace", "--policy", "policy.toml"];

impl Job {
    pub fn new() -> Self {
        let site = Site::new().hostile();
        fs::create_dir_all(site.path("job")).unwrap();
        let header = json!({"trace": 1, "job_id": "job-1", "server": "server", "sites": []});
        let job = Self { site, components: Vec::new(), policy: String::new(), trace: format!("{header}\n") };
        job.write("job/config_fed_client.json", "{}");
        fs::create_dir_all(job.path("workspace/server/job-1")).unwrap();
        job
    }

    /// Adds an errand runner that does these on these events: its id, the lines of its policy.
    pub fn on(self, id: &str, granted: &str, on: &Value) -> Self {
        self.with(id, ERRAND, granted, &json!({"on": on}))
    }

    /// Adds a component: its id, the lines of its policy, its args.
    pub fn with(self, id: &str, wasm: &[u8], granted: &str, args: &Value) -> Self {
        self.of_file(id, id, wasm, granted, args)
    }

    /// The same, whose file has another stem than its id.
    pub fn of_file(mut self, id: &str, stem: &str, wasm: &[u8], granted: &str, args: &Value) -> Self {
        self.write(&format!("job/{stem}.wasm"), wasm);
        self.components.push(json!({"id": id, "path": format!("wasm:{stem}.wasm"), "args": args}));
        self.policy += &format!("[components.{id}]\n{granted}\n");
        self
    }

    /// Adds one of FLIP's own, or a part of the engine: its id, its class, its args.
    pub fn builtin(mut self, id: &str, class: &str, args: &Value) -> Self {
        self.components.push(json!({"id": id, "path": class, "args": args}));
        self
    }

    /// The server's next event.
    pub fn event(mut self, event_type: &str) -> Self {
        self.trace += &format!("{}\n", json!({"seq": 0, "at": "server", "event": event_type, "props": {}}));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.site.path(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        self.site.write(name, contents.as_ref());
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names in the folder of the job at the server, in order.
    pub fn names(&self) -> Vec<String> {
        names(&self.path("workspace/server/job-1"))
    }

    /// Writes down what it is made of.
    pub fn write_down(&self) {
        let config = json!({"format_version": 2, "components": self.components});
        self.write("job/config_fed_server.json", config.to_string());
        self.write("policy.toml", &self.policy);
        self.write("trace.jsonl", &self.trace);
    }

    pub fn run(&self, more: &[&str]) -> Ran {
        self.write_down();
        Ran::of(self.site.output(&[&RUN, more].concat()))
    }
}

/// The names in a folder, in order.
pub fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// How a run ended.
pub struct Ran {
    pub code: i32,
    /// The summary.
    pub summary: String,
    pub log: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let log = text(output.stderr);
        super::assert_no_panic(&log);
        Self { code: output.status.code().unwrap(), summary: text(output.stdout), log }
    }

    /// What the server's component of this id was told, a line for each errand.
    pub fn told(&self, id: &str) -> Vec<&str> {
        let by = format!(" component=\"server/{id}\"");
        let lines = self.log.lines().filter_map(|line| line.strip_suffix(&*by));
        lines.filter_map(|line| line.trim_start().strip_prefix("INFO ")).collect()
    }

    /// It ended with this exit code.
    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code, code, "{}\n{}", self.summary, self.log);
    }
}
