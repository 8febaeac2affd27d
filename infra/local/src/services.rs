//! DynamoDB, S3, SQS and EventBridge with the tables, the bucket and the queues of a template.
//!
//! The local cloud adds functions and a gateway. A test that needs no functions embeds the services alone:
//! [`LocalServices::start`] serves them on free ports of 127.0.0.1 until it is dropped.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::access::Access;
use crate::account::REGION;
use crate::calls::Calls;
use crate::clock::Clock;
use crate::dynamodb::DynamoDb;
use crate::eventbridge::EventBridge;
use crate::faults::Faults;
use crate::iam::Policies;
use crate::identity::Identities;
use crate::runtime::Endpoints;
use crate::s3::{self, CorsRule, S3};
use crate::sqs::{QueueDefinition, Redrive, Sqs};
use crate::template::{self, Bucket, BucketCors, Model, Queue, Surroundings, Table};

/// Servers that run until they are dropped.
pub type Tasks = JoinSet<Result<()>>;

/// The services of one template. Clones share them.
#[derive(Clone)]
pub struct Services {
    /// DynamoDB with the template's tables.
    pub dynamodb: DynamoDb,
    /// S3 with the template's bucket.
    pub s3: S3,
    /// SQS with the template's queues.
    pub sqs: Sqs,
    /// EventBridge with the events that were put.
    pub eventbridge: EventBridge,
}

/// The listeners of the services.
pub struct ServiceListeners {
    /// The listener of DynamoDB.
    pub dynamodb: TcpListener,
    /// The listener of S3.
    pub s3: TcpListener,
    /// The listener of SQS.
    pub sqs: TcpListener,
    /// The listener of EventBridge.
    pub eventbridge: TcpListener,
}

impl ServiceListeners {
    /// Listens on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// No port is free.
    pub async fn on_free_ports() -> std::io::Result<Self> {
        let any = || TcpListener::bind(("127.0.0.1", 0));
        Ok(Self { dynamodb: any().await?, s3: any().await?, sqs: any().await?, eventbridge: any().await? })
    }

    /// Returns the services' URLs; that of Lambda is empty.
    ///
    /// # Errors
    /// A listener has no address.
    pub fn endpoints(&self) -> std::io::Result<Endpoints> {
        let url =
            |listener: &TcpListener| Ok::<_, std::io::Error>(format!("http://{}", listener.local_addr()?));
        Ok(Endpoints {
            s3: url(&self.s3)?,
            dynamodb: url(&self.dynamodb)?,
            sqs: url(&self.sqs)?,
            eventbridge: url(&self.eventbridge)?,
            lambda: String::new(),
        })
    }
}

impl Services {
    /// Opens the services with their data in `folder`, and creates missing tables, buckets and queues of `model`.
    ///
    /// # Errors
    /// The folder cannot be used, an existing table has another primary key, or the template has not exactly one bucket.
    pub fn open(
        folder: &Path,
        model: &Model,
        access: &Access,
        clock: &Clock,
        faults: &Faults,
    ) -> Result<Self> {
        let bucket = only_bucket(model)?;
        Ok(Self {
            dynamodb: open_dynamodb(folder, &model.tables, clock.clone())?.with_faults(faults.clone()),
            s3: open_s3(folder, bucket, access)?.with_faults(faults.clone()),
            sqs: open_sqs(folder, &model.queues, clock.clone())?.with_faults(faults.clone()),
            eventbridge: EventBridge::open(&folder.join("events.jsonl"), clock.clone(), faults.clone())?,
        })
    }

    /// Adds a task to `tasks` for each service.
    ///
    /// # Errors
    /// A listener has no address.
    pub fn serve(&self, listeners: ServiceListeners, access: &Access, tasks: &mut Tasks) -> Result<()> {
        let Endpoints { sqs, .. } = listeners.endpoints()?;
        tasks.spawn(self.dynamodb.clone().serve(listeners.dynamodb, access.clone()));
        tasks.spawn(self.s3.clone().serve(listeners.s3));
        tasks.spawn(self.sqs.clone().serve(listeners.sqs, access.clone(), sqs));
        tasks.spawn(self.eventbridge.clone().serve(listeners.eventbridge, access.clone()));
        Ok(())
    }
}

/// Services that run in this process, on free ports, until the value is dropped.
pub struct LocalServices {
    /// The running services.
    pub services: Services,
    /// The template's model.
    pub model: Model,
    /// The services' URLs.
    pub endpoints: Endpoints,
    /// The callers and their permissions: each function with its own keys and policy, and the operator.
    pub access: Access,
    /// The clock of queues and of items' time to live.
    pub clock: Clock,
    /// The faults that the services inject.
    pub faults: Faults,
    _tasks: Tasks,
}

impl LocalServices {
    /// Starts the services of a template with their data in `folder`. `parameters` override the template's defaults. The
    /// callers' keys derive from random bytes, so that keys of another test are invalid here.
    ///
    /// # Errors
    /// The template cannot be read, the folder cannot be used, or no port is free.
    pub async fn start(folder: &Path, template: &str, parameters: BTreeMap<String, String>) -> Result<Self> {
        let listeners = ServiceListeners::on_free_ports().await.context("no port for a service")?;
        let endpoints = listeners.endpoints()?;
        let around = Surroundings { parameters, sqs_url: endpoints.sqs.clone(), api_url: String::new() };
        let model = template::load(template, &around)?;
        let access = Access {
            identities: Identities::random()?,
            calls: Arc::new(Calls::default()),
            policies: Policies::of(model.principals()),
            region: REGION.to_owned(),
        };
        let (clock, faults) = (Clock::default(), Faults::default());
        let services = Services::open(folder, &model, &access, &clock, &faults)?;
        let mut tasks = Tasks::new();
        services.serve(listeners, &access, &mut tasks)?;
        Ok(Self { services, model, endpoints, access, clock, faults, _tasks: tasks })
    }
}

/// Returns the template's bucket.
///
/// # Errors
/// The template has none, or several.
pub(crate) fn only_bucket(model: &Model) -> Result<&Bucket> {
    match &*model.buckets {
        [one] => Ok(one),
        all => bail!("the local cloud supports exactly one bucket; the template has {}", all.len()),
    }
}

fn open_sqs(folder: &Path, queues: &[Queue], clock: Clock) -> Result<Sqs> {
    let sqs = Sqs::open_with(&folder.join("sqs.sqlite"), clock)?;
    for queue in queues {
        let redrive = queue.redrive.clone();
        sqs.ensure_queue(QueueDefinition {
            name: queue.name.clone(),
            visibility_timeout: queue.visibility_timeout,
            retention: queue.retention,
            redrive: redrive.map(|(target, max_receive_count)| Redrive { target, max_receive_count }),
        })?;
    }
    Ok(sqs)
}

fn open_dynamodb(folder: &Path, tables: &[Table], clock: Clock) -> Result<DynamoDb> {
    let dynamodb = DynamoDb::open(&folder.join("dynamodb.sqlite"))?.with_clock(clock);
    for table in tables {
        dynamodb.ensure_table(table.create.clone(), table.ttl_attribute.as_deref())?;
    }
    Ok(dynamodb)
}

fn open_s3(folder: &Path, bucket: &Bucket, access: &Access) -> Result<S3> {
    S3::open(s3::Settings {
        data: folder.join("s3"),
        bucket: bucket.name.clone(),
        region: access.region.clone(),
        cors: bucket.cors.iter().map(cors_rule).collect(),
        identities: access.identities.clone(),
        policies: access.policies.clone(),
        calls: access.calls.clone(),
    })
}

fn cors_rule(rule: &BucketCors) -> CorsRule {
    CorsRule {
        allowed_origins: rule.allowed_origins.clone(),
        allowed_methods: rule.allowed_methods.clone(),
        allowed_headers: rule.allowed_headers.clone(),
        exposed_headers: rule.exposed_headers.clone(),
        max_age_seconds: rule.max_age_seconds,
    }
}
