//! FLIP's Central Hub in the test's own process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Path;
use axum::routing::{post, put};
use axum::{Json, Router};
use flip_runtime::services::{HttpHub, HttpHubOptions};
use hyper::Response;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{Server, logged, runtime};

pub const KEY: &str = "the-k3y-of-the-hub";

/// What came to the hub's own routes, in order.
type Log = Arc<Mutex<Vec<(String, Value)>>>;

/// A hub below `/api`, with what came to it.
pub struct HubServer {
    pub server: Server,
    pub log: Log,
    pub runtime: Runtime,
}

impl HubServer {
    pub fn new() -> Self {
        logged();
        let runtime = runtime();
        let log = Log::default();
        let (statuses, metrics, logs) = (log.clone(), log.clone(), log.clone());
        let router = Router::new()
            .route(
                "/api/model/{id}/status/{status}",
                put(|Path((id, status)): Path<(String, String)>| async move {
                    statuses.lock().unwrap().push((format!("{id} status"), json!(status)));
                }),
            )
            .route(
                "/api/model/{id}/metrics",
                post(|Path(id): Path<String>, Json(body): Json<Value>| async move {
                    metrics.lock().unwrap().push((format!("{id} metrics"), body));
                }),
            )
            .route(
                "/api/model/{id}/logs",
                post(|Path(id): Path<String>, Json(body): Json<Value>| async move {
                    logs.lock().unwrap().push((format!("{id} logs"), body));
                }),
            );
        let server = Server::start(&runtime, move |request| {
            let service = TowerToHyperService::new(router.clone());
            Box::pin(
                async move { service.call(request).await.unwrap_or_else(|_| Response::new(Body::empty())) },
            )
        });
        Self { server, log, runtime }
    }

    pub fn hub(&self) -> HttpHub {
        self.hub_at(&format!("{}/api/", self.server.address))
    }

    pub fn hub_at(&self, url: &str) -> HttpHub {
        let options = HttpHubOptions {
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(5),
            read_timeout: Duration::from_millis(300),
            ..HttpHubOptions::default()
        };
        HttpHub::new(url, KEY.into(), &options, self.runtime.handle().clone()).unwrap()
    }
}
