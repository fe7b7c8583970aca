//! Real servers in the test's own process, that can be made to fail.
#![allow(missing_docs, clippy::new_without_default, reason = "the names say it")]

pub mod archives;
pub mod hub;
pub mod s3;
pub mod tls;

use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use axum::body::Body;
use flip_runtime::AbortSignal;
use flip_runtime::services::Call;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::runtime::Runtime;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::prelude::*;

/// How a server fails.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It answers with this status, at once.
    Status(u16),
    /// It answers with this status, and shows what came with the request: in the reason, in headers and in the body.
    Echo(u16),
    /// It never answers, and reads nothing.
    Stall,
    /// It reads a bit of the body and cuts the connection.
    Cut,
    /// It does what was asked and cuts the connection.
    Unanswered,
    /// It does what was asked and answers after this time.
    Late(Duration),
}

/// A request as a server saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// How many came before it.
    pub number: usize,
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: hyper::HeaderMap,
}

impl Seen {
    pub fn is(&self, method: &str, query: &str) -> bool {
        self.method == method && self.query.contains(query)
    }
}

pub type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
type Plan = Arc<dyn Fn(&Seen) -> Option<Fault> + Send + Sync>;

/// A server on a port of its own.
pub struct Server {
    pub address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    plan: Arc<Mutex<Plan>>,
}

impl Server {
    pub fn start(
        runtime: &Runtime,
        answer: impl Fn(Request<Incoming>) -> Answer + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let none: Plan = Arc::new(|_: &Seen| None);
        let server = Self { address, seen: Arc::default(), plan: Arc::new(Mutex::new(none)) };
        let (seen, plan) = (Arc::clone(&server.seen), Arc::clone(&server.plan));
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (seen, plan, answer) = (Arc::clone(&seen), Arc::clone(&plan), answer.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let fault = {
                        let mut seen = seen.lock().unwrap();
                        let this = Seen {
                            number: seen.len(),
                            method: request.method().to_string(),
                            path: request.uri().path().to_owned(),
                            query: request.uri().query().unwrap_or_default().to_owned(),
                            headers: request.headers().clone(),
                        };
                        seen.push(this.clone());
                        let plan = plan.lock().unwrap().clone();
                        plan(&this)
                    };
                    fail(fault, request, answer.clone())
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        server
    }

    /// From now on, what `plan` says.
    pub fn fail(&self, plan: impl Fn(&Seen) -> Option<Fault> + Send + Sync + 'static) {
        *self.plan.lock().unwrap() = Arc::new(plan);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }
}

async fn fail(
    fault: Option<Fault>,
    mut request: Request<Incoming>,
    answer: impl Fn(Request<Incoming>) -> Answer,
) -> Result<Response<Body>, std::io::Error> {
    let cut = Err(std::io::Error::other("cut"));
    match fault {
        None => Ok(answer(request).await),
        Some(Fault::Status(status)) => {
            // Read first: a client that is still sending would see a cut connection instead.
            while request.body_mut().frame().await.is_some() {}
            Ok(Response::builder()
                .status(status)
                .body(Body::from("<Error><Code>Scripted</Code></Error>"))
                .unwrap())
        }
        Some(Fault::Echo(status)) => {
            while request.body_mut().frame().await.is_some() {}
            Ok(echo(status, &request))
        }
        Some(Fault::Stall) => std::future::pending().await,
        Some(Fault::Cut) => {
            request.body_mut().frame().await;
            cut
        }
        Some(Fault::Unanswered) => {
            answer(request).await;
            cut
        }
        Some(Fault::Late(time)) => {
            let response = answer(request).await;
            tokio::time::sleep(time).await;
            Ok(response)
        }
    }
}

/// The headers of the request, wherever an answer has room for them.
fn echo(status: u16, request: &Request<Incoming>) -> Response<Body> {
    let headers = request.headers().iter();
    let shown = headers.map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value.as_bytes())));
    let shown = shown.collect::<Vec<_>>().join(", ");
    let mut answer = Response::builder().status(status);
    for (name, value) in request.headers() {
        answer = answer.header(format!("x-echo-{name}"), value);
    }
    let reason = ReasonPhrase::try_from(shown.clone().into_bytes()).unwrap();
    answer.extension(reason).body(Body::from(shown)).unwrap()
}

/// An address where nobody listens.
pub fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn call_of(time: Duration) -> Call {
    Call::new(Instant::now() + time, AbortSignal::default())
}

/// A call that has all the time a test can need.
pub fn call() -> Call {
    call_of(Duration::from_secs(60))
}

/// A call that is aborted after some time.
pub fn aborted_after(time: Duration) -> Call {
    let abort = AbortSignal::default();
    let signal = abort.clone();
    std::thread::spawn(move || {
        std::thread::sleep(time);
        signal.trigger();
    });
    Call::new(Instant::now() + Duration::from_secs(60), abort)
}

/// What the process has logged since the first call, at every level, save by the servers.
pub fn logged() -> String {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A filter of the layer alone would not keep the registry from holding a place for each thread that has had a
        // span, for good.
        let kept = dynamic_filter_fn(|metadata, _| {
            KEPT.load(Ordering::Relaxed) && !metadata.target().starts_with("s3s")
        });
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Log);
        tracing_subscriber::registry().with(kept).with(layer).init();
    });
    KEPT.store(true, Ordering::Relaxed);
    String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned()
}

/// As if nobody had ever asked for what is logged.
pub fn forget_logged() {
    KEPT.store(false, Ordering::Relaxed);
    *LOG.lock().unwrap() = Vec::new();
}

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static KEPT: AtomicBool = AtomicBool::new(false);

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
